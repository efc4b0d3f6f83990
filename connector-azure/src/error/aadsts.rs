//! The numbers of Entra ID's refusals, `AADSTS…`, as far as somebody can do something about them (source: Microsoft
//! Entra authentication and authorization error codes).

/// Stands for "the clocks differ", which the answer's `Date` tells better.
pub(super) const CLOCK: &str = "clock";

/// What a number means, and what to do.
pub(super) fn known(number: u64) -> Option<(&'static str, &'static str)> {
    Some(match number {
        7_000_215 => (
            "the client secret is wrong",
            "give the secret's value, not its id; make a new one in the portal under App registrations > \
             Certificates & secrets and update the connector with client_secret=@FILE",
        ),
        7_000_222 => (
            "the client secret has expired",
            "make a new one in the portal under App registrations > Certificates & secrets (or: az ad app credential \
             reset) and update the connector with client_secret=@FILE",
        ),
        7_000_112 => (
            "the application is disabled in the directory",
            "enable it in the portal under Enterprise applications > Properties",
        ),
        700_016 => (
            "the directory has no application of this id",
            "check `client_id` and `tenant_id`; an application of another directory has to be consented to first",
        ),
        700_027 | 700_030 => (
            "the certificate is not one of the application's, or the token of elsewhere is not signed by its issuer",
            "for a certificate: upload it in the portal under App registrations > Certificates & secrets, and check \
             that the key is its own; for a token of elsewhere: check who issued it",
        ),
        700_024 => (CLOCK, ""),
        70_021 | 70_025 | 700_213 | 700_211 | 700_212 => (
            "no federated credential of the application fits the token: issuer, subject or audience differ",
            "compare the token's `iss`, `sub` and `aud` with the portal's App registrations > Certificates & secrets > \
             Federated credentials",
        ),
        50_013 | 50_027 | 50_166 | 700_021 | 700_023 => (
            "the token of elsewhere is not taken",
            "check who issued it and for whom: the audience is api://AzureADTokenExchange",
        ),
        90_002 | 900_023 | 900_021 => {
            ("there is no such directory in this cloud", "check `tenant_id` and `cloud`")
        }
        500_011 | 500_014 | 70_011 | 1_002_012 | 50_001 | 28_002 => (
            "the directory does not know the service that the token is for",
            "check the service, and that it is part of this cloud",
        ),
        65_001 | 65_004 => (
            "nobody has consented to what the application asks for",
            "let an administrator consent: portal, App registrations > API permissions > Grant admin consent",
        ),
        50_076 | 50_079 | 50_078 | 50_074 | 50_072 => (
            "the directory asks for a second factor",
            "log in again, interactively; programs use a service principal or a managed identity",
        ),
        53_003 | 53_000 | 53_001 | 53_002 | 53_004 | 50_005 | 50_097 | 530_032 | 53_011 => (
            "a conditional access policy of the directory does not let this sign-in through",
            "call from a place and a device that the policy allows, or ask the directory's administrator; the sign-in \
             log names the policy",
        ),
        700_082 | 70_043 | 70_008 | 50_173 | 700_084 | 70_000 | 700_081 => {
            ("the login has ended or was revoked", "log in again: update the connector, or register it anew")
        }
        50_034 | 50_020 | 51_004 | 50_057 | 50_055 | 50_126 => (
            "the account is not there, is disabled, or is of another directory",
            "check the account and `tenant_id`",
        ),
        7_000_218 => (
            "the application is not set to allow logins of public clients",
            "switch on App registrations > Authentication > Allow public client flows",
        ),
        7_000_229 | 7_000_216 => (
            "the application has no service principal in the directory",
            "make one: az ad sp create --id CLIENT_ID",
        ),
        _ => return None,
    })
}

/// The number that a description begins with, where no list tells it.
pub(super) fn in_text(description: &str) -> Option<u64> {
    let rest = description.strip_prefix("AADSTS")?;
    let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Status, word and number.
pub(super) fn trail(status: u16, word: Option<&str>, number: Option<u64>) -> String {
    let number = number.map(|it| format!("AADSTS{it}"));
    let words: Vec<_> = number.as_deref().into_iter().chain(word).collect();
    match words.is_empty() {
        true => format!("Entra ID answered with status {status}"),
        false => format!("Entra ID answered {} with status {status}", words.join(" / ")),
    }
}
