"""What Azurite lets through, asked with the vendor's own client. Prints one JSON object."""

import base64
import datetime
import json
import os
import time

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    generate_container_sas,
)

URL, ACCOUNT, KEY = os.environ["URL"], os.environ["ACCOUNT"], os.environ["KEY"]
HERE = f"{URL}/{ACCOUNT}"
options = {"connection_verify": os.environ["CA"], "retry_total": 0, "logging_enable": False}


def told(call):
    try:
        return call()
    except HttpResponseError as error:
        return error.status_code


def jwt(audience):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"aud": audience, "iss": "https://sts.windows.net/t/", "tid": "t", "oid": "o"}
    claims |= {"iat": now, "nbf": now - 10, "exp": now + 3600}
    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.c2ln"


class Bearer:
    def __init__(self, audience):
        self.token = AccessToken(jwt(audience), int(time.time()) + 3600)

    def get_token(self, *scopes, **more):
        return self.token


def service(credential):
    return BlobServiceClient(HERE, credential=credential, **options)


def names(container, sas):
    client = ContainerClient(HERE, container, credential=sas, **options)
    return told(lambda: [blob.name for blob in client.list_blobs()])


whole = service(KEY)
for name in ["one", "two"]:
    whole.create_container(name).upload_blob("hello.txt", b"hello")
hour = datetime.timedelta(hours=1)
now = datetime.datetime.now(datetime.timezone.utc)
good = generate_container_sas(ACCOUNT, "one", KEY, permission="rl", expiry=now + hour)
ended = generate_container_sas(ACCOUNT, "one", KEY, permission="rl", expiry=now - hour)
bearer = service(Bearer("https://storage.azure.com"))
key = bearer.get_user_delegation_key(now - hour, now + hour)
print(
    json.dumps(
        {
            "by key": [it.name for it in whole.list_containers()],
            "by a wrong key": told(lambda: list(service(base64.b64encode(bytes(64)).decode()).list_containers())),
            "by a signature": names("one", good),
            "of another container": names("two", good),
            "ended": names("one", ended),
            "by a token": [it.name for it in bearer.list_containers()],
            "by a token for another service": told(
                lambda: list(service(Bearer("https://vault.azure.net")).list_containers())
            ),
            "a key for signatures": [key.signed_service, len(base64.b64decode(key.value))],
        }
    )
)
