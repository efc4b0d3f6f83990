"""Microsoft's own libraries as they are, told by the environment alone where to ask. For each line, one line of JSON."""

import json
import os
import sys

from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient

twin = os.environ["TWIN"]
default = DefaultAzureCredential()
# Which identity is meant makes no difference.
machine = ManagedIdentityCredential(client_id="00000000-0000-4000-8000-000000000000")
# The resource that the vault names is Azure's own; where it stands here is another host.
vault = SecretClient(f"{twin}/vault/strict-zen", default, verify_challenge_resource=False, retry_total=0)
blobs = BlobServiceClient(f"{twin}/blob/zenfiles", credential=machine, retry_total=0)


def act(word):
    match word:
        case "secret":
            return vault.get_secret("db-password").value
        case "blob":
            return blobs.get_blob_client("data", "a.txt").download_blob().readall().decode()
        case scope:
            return default.get_token(scope).token


for line in iter(sys.stdin.readline, ""):
    try:
        told = {"result": act(line.strip())}
    except AzureError as error:
        told = {"refused": str(error)}
    print(json.dumps(told), flush=True)
