"""Logs somebody in with the program of az, and keeps the login as az does: in the cache of Microsoft's own library."""

import os

import msal

cache = msal.SerializableTokenCache()
app = msal.PublicClientApplication(
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    authority=f"{os.environ['TWIN']}/{os.environ['TENANT']}",
    instance_discovery=False,
    token_cache=cache,
    client_capabilities=["CP1"],
)
# As az asks for it, with two slashes.
scopes = ["https://management.core.windows.net//.default"]
made = app.acquire_token_by_refresh_token(os.environ["LOGIN"], scopes=scopes)
if "access_token" not in made:
    raise SystemExit(f"no login: {made.get('error')}")
with open(os.environ["CACHE"], "w", encoding="utf-8") as file:
    file.write(cache.serialize())
