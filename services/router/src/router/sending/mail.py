"""One e-mail by SMTP, in a thread, bounded."""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import anyio

from router.domain.mail import Mail
from router.sending.webhooks import Outcome

_TIMEOUT_S: Final = 10.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


async def send(url: str, to: str, mail: Mail, ident: str) -> Outcome:
    """Try once."""
    return await anyio.to_thread.run_sync(_send, url, _message(url, to, mail, ident), abandon_on_cancel=True)


def _message(url: str, to: str, mail: Mail, ident: str) -> EmailMessage:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    message = EmailMessage()
    message["Subject"] = mail.subject
    message["From"] = parse_qs(parts.query).get("from", [f"baton@{host}"])[0]
    message["To"] = to
    message["Message-ID"] = f"<{ident}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _send(url: str, message: EmailMessage) -> Outcome:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 25)
    try:
        if parts.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
        with server:
            _greet(server, secure=parts.scheme == "smtps")
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)
    except smtplib.SMTPResponseException as error:
        return Outcome(sent=False, answer=error.smtp_code, problem="refused by the mail server")
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return Outcome(sent=False, answer=codes[0], problem="address refused", final=all(code >= 500 for code in codes))
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(sent=False, problem=type(error).__name__)
    return Outcome(sent=True, answer=250)


def _greet(server: smtplib.SMTP, *, secure: bool) -> None:
    """Encrypt where the server can; a password is never sent in clear, since login is refused without."""
    server.ehlo()
    if not secure and server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
