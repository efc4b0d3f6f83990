"""What a signature for the container `data` lets through, asked with Microsoft's library. Prints one JSON object."""

import json
import os

from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, ContainerClient

STRING = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
options = {"connection_verify": os.environ["CA"], "retry_total": 0}


def told(call):
    try:
        return call()
    except HttpResponseError as error:
        return error.status_code


service = BlobServiceClient.from_connection_string(STRING, **options)
data, beside = service.get_container_client("data"), service.get_container_client("data2")
endpoint = STRING.split(";")[0].split("=", 1)[1]
by_hand = ContainerClient(
    endpoint, "data", credential=AzureSasCredential(os.environ["AZURE_STORAGE_SAS_TOKEN"]), **options
)


def names(container):
    return told(lambda: sorted(container.list_blob_names()))


print(
    json.dumps(
        {
            "listed": names(data),
            "read": told(lambda: data.download_blob("a/1.txt").readall().decode()),
            "written": told(lambda: data.upload_blob("new", b"new")),
            "beside, listed": names(beside),
            "beside, read": told(lambda: beside.download_blob("a/1.txt").readall().decode()),
            "containers": told(lambda: [it.name for it in service.list_containers()]),
            "by account and signature": names(by_hand),
        }
    )
)
