"""Reads and writes with Microsoft's own libraries and a token, or a connection string, that stands on standard input."""

import json
import sys
import time

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError

TOKEN = sys.stdin.read()


class Given:
    """A credential that has this one token, whatever it is asked for."""

    def get_token(self, *scopes, **options):
        return AccessToken(TOKEN, int(time.time()) + 3600)


def vault(endpoint):
    from azure.keyvault.secrets import SecretClient

    # The resource that the vault names is Azure's own; where it stands here is another host.
    return SecretClient(endpoint, Given(), verify_challenge_resource=False)


def orders(endpoint):
    from azure.cosmos import CosmosClient

    client = CosmosClient(endpoint, Given())
    return client, client.get_database_client("shop").get_container_client("orders")


def main():
    action, *arguments, endpoint = sys.argv[1:]
    if action == "secret":
        return vault(endpoint).get_secret(*arguments).value
    if action == "secrets":
        return [it.name for it in vault(endpoint).list_properties_of_secrets()]
    if action == "set":
        return vault(endpoint).set_secret(*arguments, "x").name
    if action == "upsert-by-string":
        from azure.cosmos import CosmosClient

        database = CosmosClient.from_connection_string(TOKEN).get_database_client("shop")
        container = database.get_container_client("orders")
        return container.upsert_item({"id": arguments[0], "customer": "zen"})["id"]
    client, container = orders(endpoint)
    if action == "upsert":
        return container.upsert_item({"id": arguments[0], "customer": "zen"})["id"]
    if action == "read":
        item = container.read_item(arguments[0], partition_key="zen")
        return {name: item[name] for name in ("id", "customer")}
    return client.create_database("more").id


try:
    print(json.dumps({"result": main()}))
except AzureError as error:
    code = getattr(getattr(error, "error", None), "innererror", None) or ""
    print(json.dumps({"refused": f"{code} {error}"}))
