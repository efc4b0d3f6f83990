"""Makes the calls of each cell with the cell's keys, and prints for each whether it was let through.

Reads {"region", "cells": [{"keys", "assume"?, "must"?, "calls": [call]}]} from standard input, where a call is
{"service", "operation", "parameters", "region"?}. "assume" holds a role and a session policy to be assumed
with the keys first; "must" cells end the script when a call fails. Prints one list per cell of "ok", "denied", or
the code of another error.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

DENIED = ("AccessDenied", "AccessDeniedException")
given = json.load(sys.stdin)
config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


class Caller:
    def __init__(self, keys):
        self.clients = {}
        self.session = boto3.Session(
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            aws_session_token=keys.get("session_token"),
            region_name=given["region"],
        )

    def make(self, call):
        place = (call["service"], call.get("region", given["region"]))
        if place not in self.clients:
            self.clients[place] = self.session.client(place[0], region_name=place[1], config=config)
        return getattr(self.clients[place], call["operation"])(**call["parameters"])

    def try_to(self, call):
        try:
            self.make(call)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return "denied" if code in DENIED else code
        return "ok"


def caller(cell):
    if "assume" not in cell:
        return Caller(cell["keys"])
    assumed = Caller(cell["keys"]).make(
        {"service": "sts", "operation": "assume_role", "parameters": cell["assume"]}
    )["Credentials"]
    return Caller(
        {
            "access_key_id": assumed["AccessKeyId"],
            "secret_access_key": assumed["SecretAccessKey"],
            "session_token": assumed["SessionToken"],
        }
    )


answers = []
for cell in given["cells"]:
    it = caller(cell)
    if cell.get("must"):
        answers.append([it.make(call) and "ok" for call in cell["calls"]])
    else:
        answers.append([it.try_to(call) for call in cell["calls"]])
json.dump(answers, sys.stdout)
