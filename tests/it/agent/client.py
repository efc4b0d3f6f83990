"""boto3 as it is, told by the environment alone where to ask. For each line, the name of a bucket, one line of JSON."""

import json
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

s3 = None
for line in iter(sys.stdin.readline, ""):
    try:
        # It asks for credentials as soon as it is made.
        s3 = s3 or boto3.client("s3")
        told = {"count": s3.list_objects_v2(Bucket=line.strip())["KeyCount"]}
    except ClientError as error:
        told = {"refused": error.response["Error"]["Code"]}
    except BotoCoreError as error:
        told = {"failed": str(error)}
    print(json.dumps(told), flush=True)
