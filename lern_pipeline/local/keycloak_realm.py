"""The realm of the local Keycloak: what user-deletion-cleanup logs in with (its contract, section 5)."""

from __future__ import annotations

from typing import Any

REALM = "sunbird"
CLIENT = "lms"
ROLE = "manage-users"
#: Nobody federates users into the local realm, so no account `f:local:…` is found; with none the job would not ask.
PROVIDER = "local"


def realm(client_secret: str) -> dict[str, Any]:
    """The realm as Keycloak imports it: a confidential client, whose service account may manage users."""
    return {
        "realm": REALM,
        "enabled": True,
        "clients": [
            {
                "clientId": CLIENT,
                "secret": client_secret,
                "publicClient": False,
                "serviceAccountsEnabled": True,
                "standardFlowEnabled": False,
                "directAccessGrantsEnabled": False,
            }
        ],
        "users": [
            {
                "username": f"service-account-{CLIENT}",
                "enabled": True,
                "serviceAccountClientId": CLIENT,
                "clientRoles": {"realm-management": [ROLE]},
            }
        ],
    }


def sso_settings(url: str, client_secret: str) -> dict[str, str]:
    """The job's settings for this realm; user name and password must be there and are not used."""
    return {
        "sunbird_sso_url": url,
        "sunbird_sso_realm": REALM,
        "sunbird_sso_client_id": CLIENT,
        "sunbird_sso_client_secret": client_secret,
        "sunbird_sso_username": "unused",
        "sunbird_sso_password": "unused",
        "sunbird_keycloak_user_federation_provider_id": PROVIDER,
    }
