"""A real Keycloak as its administrator sees it: tests put accounts there and look at them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from lern_pipeline.local.keycloak_realm import REALM, sso_settings
from lern_pipeline.local.keycloak_server import ADMINISTRATOR, SECRETS


class KeycloakAccounts:
    """The local realm of the server whose data are in a directory of this machine."""

    def __init__(self, url: str, data: Path) -> None:
        secrets = json.loads((data / SECRETS).read_text())
        self.password: str = secrets["administrator"]
        self.settings = sso_settings(url, secrets["client"])
        self._client = httpx2.Client(base_url=url, trust_env=False, timeout=60.0)

    def close(self) -> None:
        self._client.close()

    def of(self, account: str) -> dict[str, Any] | None:
        """What Keycloak says of an account, None where there is none."""
        answer = self._ask("GET", f"users/{account}", expected=(200, 404))
        found: dict[str, Any] = answer.json()
        return found if answer.status_code == 200 else None

    def named(self, user_name: str) -> list[str]:
        """The ids of the accounts with a user name."""
        answer = self._ask("GET", "users", params={"username": user_name, "exact": "true"})
        return [one["id"] for one in answer.json()]

    def make(self, **account: Any) -> str:
        """The id of a new account in Keycloak's own store, with a user name of its own."""
        made = self._ask("POST", "users", {"username": uuid4().hex, "enabled": True} | account)
        return made.headers["Location"].rpartition("/")[2]

    def federate(self, **settings: str) -> str:
        """The id of a new federation provider for accounts of an LDAP directory that are not copied into Keycloak."""
        config = {
            "vendor": "other",
            "connectionUrl": "",
            "bindDn": "",
            "bindCredential": "",
            "authType": "simple",
            "usersDn": "",
            "userObjectClasses": "inetOrgPerson",
            "usernameLDAPAttribute": "uid",
            "rdnLDAPAttribute": "uid",
            # The platform's user ids are the directory's.
            "uuidLDAPAttribute": "uid",
            "editMode": "WRITABLE",
            "importEnabled": "false",
            "connectionTimeout": "5000",
            "readTimeout": "5000",
        } | settings
        made = self._ask(
            "POST",
            "components",
            {
                "name": uuid4().hex,
                "providerId": "ldap",
                "providerType": "org.keycloak.storage.UserStorageProvider",
                "config": {name: [value] for name, value in config.items()},
            },
        )
        return made.headers["Location"].rpartition("/")[2]

    def separate(self, provider: str) -> None:
        """Removes a federation provider."""
        self._ask("DELETE", f"components/{provider}")

    def client_without_role(self) -> dict[str, str]:
        """A new client that gets tokens and may not manage users; its settings."""
        client, secret = uuid4().hex, uuid4().hex
        self._ask(
            "POST",
            "clients",
            {
                "clientId": client,
                "secret": secret,
                "publicClient": False,
                "serviceAccountsEnabled": True,
                "standardFlowEnabled": False,
            },
        )
        return {"sunbird_sso_client_id": client, "sunbird_sso_client_secret": secret}

    def _ask(
        self,
        method: str,
        path: str,
        content: object = None,
        params: dict[str, str] | None = None,
        expected: tuple[int, ...] = (200, 201, 204),
    ) -> httpx2.Response:
        answer = self._client.request(
            method,
            f"/admin/realms/{REALM}/{path}",
            json=content,
            params=params,
            headers={"Authorization": f"Bearer {self._token()}"},
        )
        assert answer.status_code in expected, (method, path, answer.status_code, answer.text)
        return answer

    def _token(self) -> str:
        # A new one each time: an administrator's is good for a minute.
        form = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": ADMINISTRATOR,
            "password": self.password,
        }
        answer = self._client.post("/realms/master/protocol/openid-connect/token", data=form).raise_for_status()
        return str(answer.json()["access_token"])
