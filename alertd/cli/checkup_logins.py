"""Whether the broker lets in whom the record says, and nobody else."""

from alertd.beside import Running, kept_token
from alertd.cli.client import Client, http_client
from alertd.cli.findings import PATIENCE_S, Finding, Health, of_error
from alertd.cli.words import _
from alertd.errors import AlertdError
from alertd.settings import Settings
from channels.loudspeaker.accounts import Accounts


async def login_findings(settings: Settings, server: Running | None) -> list[Finding]:
    """Loudspeakers' logins on record and in the broker's file here, which follows within seconds.

    Without a server nobody is let in, and the next one begins by having the file follow.
    """
    if server is None:
        return []
    what = _("loudspeakers' logins")
    token = kept_token(settings.data_dir)
    try:
        async with http_client(server.url, token, patience_s=PATIENCE_S) as http:
            record = await Client(http, is_server=True).get("/api/v1/terminals/logins")
        file = Accounts(settings.broker_dir).all().values()
    except AlertdError as error:
        return [of_error(what, error)]
    good = {each["terminal"] for each in record if each["revoked_at"] is None}
    there = {account.terminal for account in file if account.good}
    if late := there - good:
        text = _("{count} are let in that are shut out on record: see the log")
        return [Finding(what, Health.BROKEN, text.format(count=len(late)))]
    if missing := good - there:
        text = _("{count} are enrolled on record and not let in: see the log")
        return [Finding(what, Health.BROKEN, text.format(count=len(missing)))]
    text = _("{count} are let in, as on record")
    return [Finding(what, Health.WELL, text.format(count=len(good)))] if record else []
