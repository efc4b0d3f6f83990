"""One client of Google's own, told by the environment what to be. Prints a JSON object, also when it was refused."""

import json
import os
import sys

import google.auth
import google.auth.downscoped
import google.auth.exceptions
import google.auth.transport.requests
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import storage

CLOUD = "https://www.googleapis.com/auth/cloud-platform"
twin = os.environ["TWIN"]


class Redirect(requests.adapters.HTTPAdapter):
    """Sends to the twin what a library would send to a host that it knows by heart."""

    def send(self, request, **more):
        path = request.url.split("/", 3)[3]
        request.url = f"{twin}/{path}"
        return super().send(request, **more)


def transport():
    session = requests.Session()
    if "REDIRECT" in os.environ:
        for host in ("oauth2", "sts", "iamcredentials", "cloudresourcemanager"):
            session.mount(f"https://{host}.googleapis.com/", Redirect())
    return google.auth.transport.requests.Request(session)


def credentials():
    given, _ = google.auth.default(scopes=[CLOUD], request=transport())
    if "TARGET" in os.environ:
        from google.auth import impersonated_credentials

        given = impersonated_credentials.Credentials(
            source_credentials=given,
            target_principal=os.environ["TARGET"],
            target_scopes=[CLOUD],
            delegates=json.loads(os.environ.get("DELEGATES", "[]")),
            lifetime=int(os.environ.get("LIFETIME", "3600")),
        )
    if "BOUNDARY" in os.environ:
        rules = [
            google.auth.downscoped.AccessBoundaryRule(
                available_resource=rule["availableResource"],
                available_permissions=rule["availablePermissions"],
                availability_condition=google.auth.downscoped.AvailabilityCondition(
                    rule["availabilityCondition"]["expression"]
                ),
            )
            for rule in json.loads(os.environ["BOUNDARY"])
        ]
        boundary = google.auth.downscoped.CredentialAccessBoundary(rules=rules)
        given = google.auth.downscoped.Credentials(given, boundary)
    given.refresh(transport())
    return given


def act(client, verb, *words):
    match verb:
        case "buckets":
            return [bucket.name for bucket in client.list_buckets(page_size=1)]
        case "objects":
            bucket, prefix = words
            return [blob.name for blob in client.list_blobs(bucket, prefix=prefix)]
        case "read":
            bucket, name = words
            return client.bucket(bucket).blob(name).download_as_bytes().decode()
        case "write":
            bucket, name, content = words
            blob = client.bucket(bucket).blob(name)
            blob.upload_from_string(content)
            return blob.size
        case "write-in-pieces":
            bucket, name, size = words
            blob = client.bucket(bucket).blob(name, chunk_size=256 * 1024)
            with blob.open("wb") as file:
                file.write(b"x" * int(size))
            return client.bucket(bucket).get_blob(name).size
        case "delete":
            bucket, name = words
            return client.bucket(bucket).blob(name).delete()
        case "test":
            bucket, *permissions = words
            return client.bucket(bucket).test_iam_permissions(permissions)


def main():
    try:
        given = credentials()
        told = {"token": given.token, "expiry": given.expiry and given.expiry.isoformat()}
        if len(sys.argv) > 1:
            client = storage.Client(
                project=os.environ["PROJECT"], credentials=given, client_options={"api_endpoint": twin}
            )
            told["result"] = act(client, *sys.argv[1:])
    except google.auth.exceptions.GoogleAuthError as error:
        told = {"refused": str(error)}
    except GoogleAPICallError as error:
        told = {"refused": str(error), "code": error.code}
    json.dump(told, sys.stdout)


main()
