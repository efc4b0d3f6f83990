"""Google's own flow for installed programs, with a browser that only follows where it is sent."""

import json
import sys
import threading
import urllib.request
import webbrowser

from google_auth_oauthlib.flow import InstalledAppFlow


class Follower(webbrowser.BaseBrowser):
    def open(self, url, *more, **others):
        threading.Thread(target=lambda: urllib.request.urlopen(url).read(), daemon=True).start()
        return True


webbrowser.register("follower", Follower, preferred=True)
scopes = ["https://www.googleapis.com/auth/cloud-platform"]
flow = InstalledAppFlow.from_client_secrets_file(sys.argv[1], scopes)
try:
    given = flow.run_local_server(port=0, authorization_prompt_message="")
    told = {"token": given.token, "refreshable": bool(given.refresh_token)}
except Exception as error:
    told = {"refused": f"{type(error).__name__} {error}"}
json.dump(told, sys.stdout)
