"""Signs what it is told with Microsoft's own library. Reads a JSON list of cases, prints a list of queries."""

import json
import sys

from azure.storage.blob import (
    AccountSasPermissions,
    BlobSasPermissions,
    ContainerSasPermissions,
    UserDelegationKey,
)
from azure.storage.blob._shared import sign_string
from azure.storage.blob._shared_access_signature import BlobSharedAccessSignature


def delegation_key(said):
    key = UserDelegationKey()
    for name, value in said.items():
        setattr(key, name, value)
    # Of a newer library: for whom alone the key is.
    key.signed_delegated_user_tid = getattr(key, "signed_delegated_user_tid", None)
    return key


def in_order(letters, order):
    """The library brings letters into their order; for a directory it has none of its own."""
    return str(order.from_string(letters)) if order else letters


def signed(case):
    key = case.get("delegation_key") and delegation_key(case["delegation_key"])
    maker = BlobSharedAccessSignature(case["account"], account_key=case.get("account_key"), user_delegation_key=key)
    maker.x_ms_version = case["version"]
    strings = []
    common = {
        "expiry": case["end"],
        "start": case.get("start"),
        "protocol": case["protocol"],
        "sts_hook": strings.append,
    }
    part, letters = case["part"], case["permissions"]
    if part == "account":
        letters = in_order(letters, AccountSasPermissions)
        query = maker.generate_account("b", case["reaches"], letters, **common)
    elif part == "container":
        letters = in_order(letters, ContainerSasPermissions)
        query = maker.generate_container(case["container"], permission=letters, **common)
    elif part == "blob":
        letters = in_order(letters, BlobSasPermissions)
        query = maker.generate_blob(case["container"], case["path"], permission=letters, **common)
    else:
        query = maker.generate_blob(
            case["container"], case["path"], permission=letters, is_directory=True, **common
        )
    (string,) = strings
    if key and case["version"] < "2025-07-05":
        # What this version did not sign yet: the library always does.
        lines = string.split("\n")
        later = [13, 14, 21, 22]
        assert len(lines) == 28 and not any(lines[place] for place in later), lines
        lines = [line for place, line in enumerate(lines) if place not in later]
        query = query.rsplit("&sig=", 1)[0]
        string = "\n".join(lines)
        return {"query": query, "signature": sign_string(key.value, string), "lines": len(lines)}
    query, signature = query.rsplit("&sig=", 1)
    return {"query": query, "encoded": signature, "lines": len(string.split("\n"))}


json.dump([signed(case) for case in json.load(sys.stdin)], sys.stdout)
