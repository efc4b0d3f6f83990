"""What az does with its folder, by the library that az is built on: MSAL reads the cache, and is asked for tokens."""

import configparser
import json
import os
import sys

import msal
from msal_extensions import FilePersistence, PersistedTokenCache

folder, scopes = sys.argv[1], sys.argv[2:]
settings = configparser.ConfigParser()
settings.read([os.path.join(folder, "config"), os.path.join(folder, "clouds.config")])
cloud = settings["cloud"]["name"]
with open(os.path.join(folder, "azureProfile.json"), encoding="utf-8-sig") as file:
    (account,) = [it for it in json.load(file)["subscriptions"] if it["environmentName"] == cloud]
app = msal.PublicClientApplication(
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    authority=settings[cloud]["endpoint_active_directory"] + "/" + account["tenantId"],
    instance_discovery=settings.getboolean("core", "instance_discovery"),
    token_cache=PersistedTokenCache(FilePersistence(os.path.join(folder, "msal_token_cache.json"))),
)
(user,) = app.get_accounts(account["user"]["name"])
found = [app.acquire_token_silent_with_error([scope], user) for scope in scopes]
print(json.dumps({"subscription": account["id"], "tokens": [it and it["access_token"] for it in found]}))
