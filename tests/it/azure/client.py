"""One client of Microsoft's own, told by the environment what to be. Prints a JSON object, also when it was refused."""

import html.parser
import json
import os
import sys
import threading
import webbrowser
from datetime import datetime, timedelta, timezone

import requests
from azure.core.exceptions import AzureError, HttpResponseError
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    DeviceCodeCredential,
    InteractiveBrowserCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

twin = os.environ["TWIN"]
here = {"authority": twin, "disable_instance_discovery": True}


class Form(html.parser.HTMLParser):
    """The one form of a page."""

    def __init__(self, page):
        super().__init__()
        self.target, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.target = attributes["action"]
        elif tag == "input":
            self.fields[attributes["name"]] = attributes["value"]

    handle_startendtag = handle_starttag


class Browser(webbrowser.BaseBrowser):
    """Goes where it is sent, and sends the form that it finds there."""

    def open(self, url, *_):
        def visit():
            form = Form(requests.get(url).text)
            requests.post(form.target, data=form.fields)

        threading.Thread(target=visit, daemon=True).start()
        return True


def shown_code(_, code, __):
    # Whoever started this has it typed in, and says so.
    print(code, flush=True)
    sys.stdin.readline()


def credential():
    kind, tenant = os.environ["CREDENTIAL"], os.environ.get("TENANT")
    client, value = os.environ.get("CLIENT"), os.environ.get("VALUE")
    match kind:
        case "secret":
            return ClientSecretCredential(tenant, client, value, **here)
        case "certificate":
            return CertificateCredential(tenant, client, value, **here)
        case "assertion":
            return ClientAssertionCredential(tenant, client, lambda: value, **here)
        case "workload":
            return WorkloadIdentityCredential(**here)
        case "managed":
            return ManagedIdentityCredential(client_id=client)
        case "default":
            return DefaultAzureCredential(**here)
        case "device":
            return DeviceCodeCredential(client, tenant_id=tenant, prompt_callback=shown_code, **here)
        case "browser":
            webbrowser.register("fake", Browser, preferred=True)
            return InteractiveBrowserCredential(client_id=client, tenant_id=tenant, **here)
        case "key":
            return value


def blobs(given):
    from azure.storage.blob import BlobServiceClient

    account = os.environ["ACCOUNT"]
    if isinstance(given, str):
        # The library would take the name from the host.
        given = {"account_name": account, "account_key": given}
    return BlobServiceClient(f"{twin}/blob/{account}", credential=given, retry_total=0)


def signed(given, container, permission):
    """A container with nothing but a signature that the credential had a key for."""
    from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas

    now = datetime.now(timezone.utc)
    account, service = os.environ["ACCOUNT"], blobs(given)
    key = {}
    if isinstance(given, str):
        key["account_key"] = given
    else:
        key["user_delegation_key"] = service.get_user_delegation_key(now - timedelta(minutes=5), now + timedelta(hours=1))
    sas = generate_container_sas(
        account,
        container,
        permission=ContainerSasPermissions.from_string(permission),
        expiry=now + timedelta(minutes=30),
        **key,
    )
    url = f"{twin}/blob/{account}/{container}"
    return ContainerClient.from_container_url(f"{url}?{sas}", retry_total=0)


def cosmos(given):
    from azure.cosmos import CosmosClient

    return CosmosClient(f"{twin}/cosmos/{os.environ['ACCOUNT']}/", credential=given)


def vault(given):
    from azure.keyvault.secrets import SecretClient

    url = f"{twin}/vault/{os.environ['ACCOUNT']}"
    return SecretClient(url, given, verify_challenge_resource=False, retry_total=0)


def registry(given):
    from azure.containerregistry import ContainerRegistryClient

    audience = "https://containerregistry.azure.net"
    return ContainerRegistryClient(f"https://{os.environ['REGISTRY']}", given, audience=audience, retry_total=0)


def act(given, verb, *words):
    match verb, *words:
        case "tokens", *scopes:
            return [given.get_token(scope).token for scope in scopes]
        case ["containers"]:
            return [it.name for it in blobs(given).list_containers(results_per_page=1)]
        case "list", container, prefix:
            return list(blobs(given).get_container_client(container).list_blob_names(name_starts_with=prefix))
        case "read", container, name:
            return blobs(given).get_blob_client(container, name).download_blob().readall().decode()
        case "write", container, name, content:
            blobs(given).get_blob_client(container, name).upload_blob(content, overwrite=True)
        case "write-in-blocks", container, name, size:
            service = blobs(given)
            service._config.max_single_put_size = service._config.max_block_size = 65536
            blob = service.get_blob_client(container, name)
            blob.upload_blob(b"x" * int(size), overwrite=True, max_concurrency=1)
            return blob.get_blob_properties().size
        case "delete", container, name:
            blobs(given).get_blob_client(container, name).delete_blob()
        case "create", container:
            blobs(given).create_container(container)
        case "signed-list", container, permission:
            return list(signed(given, container, permission).list_blob_names())
        case "signed-write", container, permission, name:
            signed(given, container, permission).upload_blob(name, "signed", overwrite=True)
        case ["databases"]:
            return [it["id"] for it in cosmos(given).list_databases()]
        case "item", database, container:
            items = cosmos(given).get_database_client(database).get_container_client(container)
            made = items.create_item({"id": "1", "customer": "ann", "n": 7})
            read = items.read_item("1", "ann")
            return [made["n"], read["n"], [it["id"] for it in items.read_all_items()]]
        case ["secrets"]:
            return [it.name for it in vault(given).list_properties_of_secrets(max_page_size=1)]
        case "secret", name:
            return vault(given).get_secret(name).value
        case "keep", name, value:
            return vault(given).set_secret(name, value).properties.name
        case ["repositories"]:
            return list(registry(given).list_repository_names(results_per_page=1))
        case "tags", repository:
            return [it.name for it in registry(given).list_tag_properties(repository)]
        case "manifest", repository, tag:
            return registry(given).get_manifest(repository, tag).digest
        case "push", repository, content:
            client = registry(given)
            digest, _ = client.upload_blob(repository, __import__("io").BytesIO(content.encode()))
            return [b"".join(client.download_blob(repository, digest)).decode()]


def main():
    try:
        told = {"result": act(credential(), *sys.argv[1:])}
    except (HttpResponseError, CosmosHttpResponseError) as error:
        told = {"refused": str(error), "code": error.status_code}
    except (AzureError, ValueError) as error:
        told = {"refused": str(error)}
    json.dump(told, sys.stdout)


main()
