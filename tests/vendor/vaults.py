"""Vaults and credentials."""

from __future__ import annotations

from typing import Any

from definitions import FUTURE
from qca import BadRequestError, ConflictError
from watch import Watch, cursors, every_page, missing

SECRET = "s3cr3t-"


def section(watch: Watch, client: Any) -> None:
    with watch.step("vaults"):
        vault = client.vaults.create(display_name="Of the team", metadata={"a": "1"})
        watch.same(
            (vault.type, vault.display_name, vault.metadata), ("vault", "Of the team", {"a": "1"}), "a new vault"
        )
        again = client.vaults.retrieve(vault.id)
        watch.same((again.id, again.created_at, again.archived_at), (vault.id, vault.created_at, None), "one retrieved")
        for n in range(4):
            client.vaults.create(display_name=f"Other {n}")
        ids = [found.id for found in client.vaults.list().data]
        watch.same(len(ids), 5, "the list")
        every_page(watch, "vaults", client.vaults.list, ids, 2)
        cursors(watch, "vaults", client.vaults.list, ids)
        watch.same([found.id for found in client.vaults.list(name="Of the team")], [vault.id], "by name")
        watch.refused(BadRequestError, lambda: client.vaults.create(display_name=""), "no name", "display_name")

    credentials = client.vaults.credentials
    with watch.step("kinds of credentials"):
        bearer = credentials.create(
            vault.id,
            auth={"type": "static_bearer", "mcp_server_url": "https://one.example.com/mcp", "token": SECRET + "1"},
            display_name="One",
            metadata={"a": "1", "b": "2"},
        )
        watch.same(
            (bearer.type, bearer.vault_id, bearer.display_name), ("vault_credential", vault.id, "One"), "a bearer"
        )
        watch.same(bearer.auth.mcp_server_url, "https://one.example.com/mcp", "the server of a bearer")
        oauth = credentials.create(
            vault.id,
            auth={
                "type": "mcp_oauth",
                "mcp_server_url": "https://two.example.com/mcp",
                "access_token": SECRET + "2",
                "expires_at": FUTURE,
                "refresh": {
                    "client_id": "client",
                    "refresh_token": SECRET + "3",
                    "token_endpoint": "https://two.example.com/token",
                    "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": SECRET + "4"},
                    "scope": "read",
                },
            },
        )
        watch.same((oauth.auth.refresh.client_id, oauth.auth.refresh.scope), ("client", "read"), "how it is refreshed")
        watch.same(oauth.auth.refresh.token_endpoint_auth.type, "client_secret_basic", "how the client is known")
        watch.same(oauth.auth.expires_at, FUTURE, "when it ends")
        variable = credentials.create(
            vault.id,
            auth={
                "type": "environment_variable",
                "secret_name": "API_KEY",
                "secret_value": SECRET + "5",
                "networking": {"type": "limited", "allowed_hosts": ["api.example.com"]},
                "injection_location": {"header": True, "body": False},
            },
        )
        watch.same(variable.auth.networking.allowed_hosts, ["api.example.com"], "the hosts of a variable")
        watch.same(variable.auth.injection_location.header, True, "where a variable goes")
        for made in (bearer, oauth, variable):
            watch.expect(SECRET not in made.to_json(), f"the secret of a {made.auth.type} is echoed")
            found = credentials.retrieve(made.id, vault_id=vault.id)
            watch.same(found.to_dict(), made.to_dict(), f"a {made.auth.type}, retrieved")

    with watch.step("updates"):
        rotated = credentials.update(
            bearer.id,
            vault_id=vault.id,
            auth={"type": "static_bearer", "token": SECRET + "6"},
            metadata={"a": None, "c": "3"},
        )
        watch.same((rotated.id, rotated.metadata), (bearer.id, {"b": "2", "c": "3"}), "an update")
        watch.same(credentials.update(bearer.id, vault_id=vault.id, metadata=None).metadata, {}, "metadata=None")
        eternal = credentials.update(
            oauth.id,
            vault_id=vault.id,
            auth={"type": "mcp_oauth", "access_token": SECRET + "7", "expires_at": None, "refresh": {"scope": "write"}},
        )
        watch.same((eternal.auth.expires_at, eternal.auth.refresh.scope), (None, "write"), "an update of a refresh")
        anywhere = credentials.update(
            variable.id,
            vault_id=vault.id,
            auth={"type": "environment_variable", "networking": {"type": "unrestricted"}},
        )
        watch.same(anywhere.auth.networking.type, "unrestricted", "an update of a network")
        watch.refused(
            BadRequestError,
            lambda: credentials.update(bearer.id, vault_id=vault.id, auth={"type": "mcp_oauth", "access_token": "x"}),
            "another kind",
        )

    with watch.step("validation"):
        valid = credentials.mcp_oauth_validate(oauth.id, vault_id=vault.id)
        watch.same((valid.type, valid.credential_id), ("vault_credential_validation", oauth.id), "a validation")
        watch.same(valid.has_refresh_token, True, "that there is a refresh token")
        watch.expect(valid.status and valid.validated_at, "a validation has no status, or no time")
        watch.refused(
            BadRequestError, lambda: credentials.mcp_oauth_validate(bearer.id, vault_id=vault.id), "of a bearer"
        )

    with watch.step("lists"):
        for n in range(2):
            auth = {"type": "static_bearer", "mcp_server_url": f"https://x{n}.example.com/mcp", "token": "x"}
            credentials.create(vault.id, auth=auth)
        ids = [found.id for found in credentials.list(vault.id).data]
        watch.same(len(ids), 5, "the list")

        def of_vault(**filters: Any) -> Any:
            return credentials.list(vault.id, **filters)

        every_page(watch, "credentials", of_vault, ids, 2)
        cursors(watch, "credentials", of_vault, ids)
        watch.same([found.id for found in of_vault(name="One")], [bearer.id], "by name")

    with watch.step("the end of them"):
        watch.expect(credentials.archive(bearer.id, vault_id=vault.id).archived_at, "an archived one has no time of it")
        watch.expect(bearer.id not in [found.id for found in of_vault()], "an archived credential is listed")
        watch.expect(
            bearer.id in [found.id for found in of_vault(include_archived=True)],
            "an archived credential is not listed on request",
        )
        gone = credentials.delete(variable.id, vault_id=vault.id)
        watch.same((gone.id, gone.type), (variable.id, "vault_credential_deleted"), "a deletion of a credential")
        missing(watch, "a deleted credential", lambda: credentials.retrieve(variable.id, vault_id=vault.id))
        watch.expect(client.vaults.archive(vault.id).archived_at, "an archived vault has no time of it")
        watch.refused(
            ConflictError,
            lambda: credentials.create(vault.id, auth=auth | {"mcp_server_url": "https://y.example.com"}),
            "a credential for an archived vault",
        )
        watch.expect(vault.id not in [found.id for found in client.vaults.list()], "an archived vault is listed")
        watch.expect(
            vault.id in [found.id for found in client.vaults.list(include_archived=True)],
            "an archived vault is not listed on request",
        )
        gone = client.vaults.delete(vault.id)
        watch.same((gone.id, gone.type), (vault.id, "vault_deleted"), "a deletion of a vault")
        missing(watch, "a deleted vault", lambda: client.vaults.retrieve(vault.id))
