//! How Blob Storage is talked to: XML, with a token, with a signature by the account's own key, or with one that the
//! connector was given.

mod accounts;
pub(crate) mod roles;
mod sign;
mod xml;

use std::time::{Duration, SystemTime};

use connector_core::{Call, Error, Pages, Request, Response, Result, Secret, format_time};

pub(crate) use accounts::{Found, containers};
pub(crate) use sign::{Signed, sign};

use crate::connection_string::ConnectionString;
use crate::error;
use crate::names::{Audience, ContainerName, KeyPrefix, Service, StorageAccount};
use crate::sas::{AccountTerms, DelegationKey, Kind, Permissions, Protocol, Version};
use crate::session::{Place, Session};
use crate::wire::{self, Api, part};

/// What may list the containers of an account.
pub(crate) const LIST_CONTAINERS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/read";
/// What may ask for a key to sign with.
pub(crate) const DELEGATE: &str =
    "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action";
/// What may read and list blobs.
pub(crate) const READ_BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
/// What may delete blobs; roles that may write them hold it, too.
pub(crate) const DELETE_BLOBS: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete";

/// How much earlier a key begins, so that a clock ahead of the service's is borne.
const EARLIER: Duration = Duration::from_secs(15 * 60);

/// A blob that nobody has: how a signature is taken is seen from the answer, and nothing is changed.
const NOBODYS: &str = ".connector-looks-whether-it-may";

const LOOK: &str = "blob:GetBlobProperties";

/// One account's blob service, for one call.
#[derive(Clone, Copy)]
pub(crate) struct Blobs<'a> {
    cx: &'a Call<'a>,
    session: &'a Session,
    account: &'a StorageAccount,
}

/// Where the blob service of an account is, without a slash at the end: where the connector says, else where its
/// connection string says, else where its cloud has it.
pub(crate) fn url(place: &Place, connection: Option<&ConnectionString>, account: &StorageAccount) -> String {
    let of_string = connection.and_then(|it| it.blob_endpoint(account));
    match of_string.filter(|_| !place.is_elsewhere(Service::Blob)) {
        Some(url) => url.to_owned(),
        None => place.url_of(Service::Blob, account.as_str()),
    }
}

impl<'a> Blobs<'a> {
    pub(crate) fn of(cx: &'a Call<'a>, session: &'a Session, account: &'a StorageAccount) -> Self {
        Self { cx, session, account }
    }

    /// Where it is, without a slash at the end.
    pub(crate) fn url(self) -> String {
        url(&self.session.place, self.session.connection(), self.account)
    }

    /// How signatures for it may be shown: in clear only where it is itself, as an emulator on this machine is.
    pub(crate) fn protocol(self) -> Protocol {
        if self.url().starts_with("https://") { Protocol::Https } else { Protocol::HttpsAndHttp }
    }

    /// The containers whose names begin so, to the last page.
    ///
    /// # Errors
    /// What the service refuses, and answers that are none.
    pub(crate) async fn containers(self, prefix: &str) -> Result<Vec<ContainerName>> {
        const CALL: &str = "blob:ListContainers";
        let mut found = Vec::new();
        let mut followed = Pages::default();
        let mut marker = String::new();
        loop {
            let mut query = vec![("comp", "list"), ("maxresults", "5000")];
            query.extend((!prefix.is_empty()).then_some(("prefix", prefix)));
            query.extend((!marker.is_empty()).then_some(("marker", &*marker)));
            let url = format!("{}/?{}", self.url(), wire::form(&query).expose());
            let answer = self.send(CALL, Request::get(url)).await?;
            let texts = xml::texts(self.good(CALL, LIST_CONTAINERS, &answer)?.body());
            let texts = texts.ok_or_else(|| error::garbage(CALL))?;
            let mut next = None;
            let mut is_list = false;
            for (path, text) in texts {
                is_list |= path.starts_with("EnumerationResults/");
                match path.as_str() {
                    // What has another kind of name cannot be asked for, so it is not offered.
                    "EnumerationResults/Containers/Container/Name" => {
                        found.extend(ContainerName::parse(text))
                    }
                    "EnumerationResults/NextMarker" => next = Some(text).filter(|it| !it.is_empty()),
                    _ => {}
                }
            }
            if !is_list {
                return Err(error::garbage(CALL));
            }
            followed.one_more(CALL, found.len())?;
            match next {
                None => return Ok(found),
                // The same page again would never end.
                Some(next) if next != marker => marker = next,
                Some(_) => return Err(error::garbage(CALL)),
            }
        }
    }

    /// A key to sign with that ends so, and what the service's clock said when it gave it.
    ///
    /// # Errors
    /// What the service refuses, and answers that are none.
    pub(crate) async fn delegation_key(self, end: SystemTime) -> Result<(DelegationKey, Option<SystemTime>)> {
        const CALL: &str = "blob:GetUserDelegationKey";
        let start = self.cx.began().checked_sub(EARLIER).unwrap_or(SystemTime::UNIX_EPOCH);
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>{}</Start><Expiry>{}</Expiry></KeyInfo>",
            format_time(start),
            format_time(end)
        );
        let request = Request::new("POST", format!("{}/?restype=service&comp=userdelegationkey", self.url()));
        let request = request.with_header("content-type", "application/xml").with_body(body);
        let answer = self.send(CALL, request).await?;
        let texts =
            xml::texts(self.good(CALL, DELEGATE, &answer)?.body()).ok_or_else(|| error::garbage(CALL))?;
        let text = |name: &str| {
            let found = texts.iter().find(|(path, _)| path.strip_prefix("UserDelegationKey/") == Some(name));
            found.map(|(_, text)| text.clone()).ok_or_else(|| error::garbage(CALL))
        };
        let key = DelegationKey {
            oid: text("SignedOid")?,
            tid: text("SignedTid")?,
            start: text("SignedStart")?,
            expiry: text("SignedExpiry")?,
            service: text("SignedService")?,
            version: text("SignedVersion")?,
            value: Secret::new(text("Value")?),
        };
        key.end().map_err(|_| error::garbage(CALL))?;
        Ok((key, answer.date()))
    }

    /// Whether a signature is taken for reading a container, or a part of it: a list, or for a part a look at a blob
    /// below it that is not there.
    ///
    /// # Errors
    /// What the service refuses, and answers that are none.
    pub(crate) async fn reads(
        self,
        container: &ContainerName,
        within: Option<&KeyPrefix>,
        signature: &Secret,
    ) -> Result<()> {
        let Some(within) = within else {
            const CALL: &str = "blob:ListBlobs";
            let container = part(container.as_str());
            let url = format!(
                "{}/{container}?restype=container&comp=list&maxresults=1&{}",
                self.url(),
                signature.expose()
            );
            let answer = self.send_bare(CALL, Request::get(url)).await?;
            return self.good(CALL, READ_BLOBS, &answer).map(drop);
        };
        let answer = self.looks_below(container, within, signature).await?;
        self.not_there(LOOK, READ_BLOBS, &answer)
    }

    /// What a look at a blob below a part that is not there is answered.
    ///
    /// # Errors
    /// No answer.
    pub(crate) async fn looks_below(
        self,
        container: &ContainerName,
        within: &KeyPrefix,
        signature: &Secret,
    ) -> Result<Response> {
        self.send_bare(LOOK, Request::new("HEAD", self.nobodys(container, Some(within), signature))).await
    }

    /// Whether a signature is taken for writing: who may delete a blob that is not there is told so, and who may not
    /// is refused.
    ///
    /// # Errors
    /// What the service refuses, and answers that are none.
    pub(crate) async fn writes(
        self,
        container: &ContainerName,
        within: Option<&KeyPrefix>,
        signature: &Secret,
    ) -> Result<()> {
        const CALL: &str = "blob:DeleteBlob";
        let request = Request::new("DELETE", self.nobodys(container, within, signature));
        // No blob has this tag: were there one of that name, it would stay.
        let answer = self.send_bare(CALL, request.with_header("if-match", "\"0x0\"")).await?;
        match answer.status() {
            412 => Ok(()),
            _ => self.not_there(CALL, DELETE_BLOBS, &answer),
        }
    }

    fn nobodys(self, container: &ContainerName, within: Option<&KeyPrefix>, signature: &Secret) -> String {
        let folder = within.map(KeyPrefix::folder).unwrap_or_default();
        let path: Vec<_> = folder.split_inclusive('/').map(|it| part(it.trim_end_matches('/'))).collect();
        let folder: String = path.iter().map(|it| format!("{it}/")).collect();
        let container = part(container.as_str());
        format!("{}/{container}/{folder}{NOBODYS}?{}", self.url(), signature.expose())
    }

    /// Sends a request as whoever the session is.
    async fn send(self, call: &'static str, request: Request) -> Result<Response> {
        let signature = match self.session.connection() {
            None => {
                let request = request.with_header("x-ms-version", Version::default().as_str());
                return Api::new(self.cx, self.session).send(call, &Audience::storage(), request).await;
            }
            Some(ConnectionString::StorageSignature { signature, .. }) => signature.clone(),
            Some(ConnectionString::StorageKey { key, .. }) => {
                let terms = AccountTerms {
                    account: self.account,
                    reaches: "s",
                    permissions: Permissions::parse(Kind::Account, "l")?,
                    end: self.cx.began() + EARLIER,
                    protocol: self.protocol(),
                    version: Version::default(),
                };
                key.sign_account(&terms)?
            }
            Some(ConnectionString::Cosmos { .. }) => return Err(error::other_connection_string("Storage")),
        };
        let mark = if request.url().contains('?') { '&' } else { '?' };
        let url = format!("{}{mark}{}", request.url(), signature.expose());
        self.send_bare(call, Request::new(request.method(), url)).await
    }

    /// Sends a request that holds all that lets it through.
    async fn send_bare(self, call: &'static str, request: Request) -> Result<Response> {
        let request = request.with_header("x-ms-version", Version::default().as_str());
        let answer = wire::send(self.cx, &self.session.place, request).await;
        answer.map_err(|error| error.context(format!("{call} is not answered")))
    }

    /// An answer that is none but a success; else what is missing.
    fn good(self, call: &str, permission: &'static str, answer: &'a Response) -> Result<&'a Response> {
        match answer.is_success() {
            true => Ok(answer),
            false => Err(self.refused(call, permission, answer)),
        }
    }

    /// An answer that says that the blob is not there, which is told to those alone who may ask.
    fn not_there(self, call: &str, permission: &'static str, answer: &Response) -> Result<()> {
        match answer.is_success() || error::has_code(answer, "BlobNotFound") {
            true => Ok(()),
            false => Err(self.refused(call, permission, answer)),
        }
    }

    /// Whether the answer to a look below a part shows that the signature was understood: then what is refused is for
    /// want of a role, or of the container, as it would be to one for the whole container.
    ///
    /// # Errors
    /// Trouble that says nothing about it.
    pub(crate) fn is_taken(self, answer: &Response) -> Result<bool> {
        const UNDERSTOOD: [&str; 3] =
            ["BlobNotFound", "ContainerNotFound", "AuthorizationPermissionMismatch"];
        if matches!(answer.status(), 429 | 500..) {
            return Err(self.refused(LOOK, READ_BLOBS, answer));
        }
        Ok(answer.is_success() || UNDERSTOOD.iter().any(|code| error::has_code(answer, code)))
    }

    fn refused(self, call: &str, permission: &'static str, answer: &Response) -> Error {
        let error = error::refused(self.cx, call, answer);
        let is_mismatch = error::has_code(answer, "AuthorizationPermissionMismatch");
        match self.session.connection() {
            Some(string) => of_string(string, self.cx, call, answer, error),
            None if is_mismatch => {
                let role = match permission {
                    DELEGATE => "Storage Blob Delegator on the storage account",
                    DELETE_BLOBS => "Storage Blob Data Contributor or Owner on the container or above",
                    LIST_CONTAINERS => "Storage Blob Data Reader on the storage account",
                    _ => "Storage Blob Data Reader, Contributor or Owner on the container or above",
                };
                Error::refused(format!("{call}: the identity lacks {permission}"))
                    .with_cause(error.message().to_owned())
                    .with_hint(format!(
                        "grant it {role}; new grants take some minutes, and roles such as Owner do not reach the data"
                    ))
            }
            None => error,
        }
    }
}

/// What is refused to a connection string: behind it is no identity that could be given a role, and no token.
fn of_string(string: &ConnectionString, cx: &Call<'_>, call: &str, answer: &Response, error: Error) -> Error {
    const TOO_LITTLE: [&str; 3] = [
        "AuthorizationPermissionMismatch",
        "AuthorizationResourceTypeMismatch",
        "AuthorizationServiceMismatch",
    ];
    // A clock that is wrong was told as that already.
    let is_proof = error::has_code(answer, "AuthenticationFailed") && wire::skew(cx, answer).is_none();
    let is_too_little = TOO_LITTLE.iter().any(|code| error::has_code(answer, code));
    let (what, hint) = match string {
        ConnectionString::StorageKey { .. } if is_proof => (
            "the account's key is not taken",
            "it may have been regenerated: update the connector with the connection string of now, from the portal \
             under Access keys",
        ),
        ConnectionString::StorageSignature { .. } if is_proof => (
            "the signature of the connection string is not taken",
            "it may have ended, or its key may have been regenerated: update the connector with a new one",
        ),
        ConnectionString::StorageSignature { .. } if is_too_little => (
            "the signature of the connection string does not allow this",
            "update the connector with one that does, or ask for less access",
        ),
        _ => return error,
    };
    let refused = Error::refused(format!("{call}: {what}")).with_hint(hint);
    error.causes().iter().fold(refused, |refused, cause| refused.with_cause(cause.clone()))
}

fn no_directories(account: &StorageAccount) -> Error {
    Error::refused(format!(
        "storage account `{account}` takes no signature for a part of a container: it has no hierarchical namespace"
    ))
    .with_hint("leave the part out, and have a signature for the whole container, or use an account of Data Lake Storage")
}
