//! Containers.

use super::super::state::State;
use super::access::Op;
use super::error::StorageError;
use super::{Asked, account, dated, found, permit, xml};
use crate::clock::http_date;
use crate::loopback::{Answer, Call};

pub(super) fn list(state: &State, call: &Call, asked: &Asked<'_>) -> Result<Answer, StorageError> {
    permit(state, call, asked, Op::ListContainers)?;
    let page = Page::of(call)?;
    let all = account(state, asked).containers.iter();
    let mine = all.filter(|(name, _)| name.starts_with(&page.prefix));
    let mine = mine.map(|(name, container)| {
        let properties = [
            xml::element("Last-Modified", &http_date(container.modified)),
            xml::element("Etag", &container.etag),
            "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>".to_owned(),
        ];
        let told = format!(
            "<Container>{}<Properties>{}</Properties></Container>",
            xml::element("Name", name),
            properties.concat()
        );
        (name.clone(), told)
    });
    let (entries, next) = state.page(mine, page.size, page.marker.as_deref());
    let body = format!("<Containers>{}</Containers>", entries.concat());
    let service = format!("ServiceEndpoint=\"{}/blob/{}/\"", state.base, asked.account);
    Ok(page.told(&service, &body, next.as_deref()))
}

/// What a list is to show.
pub(super) struct Page {
    pub(super) prefix: String,
    pub(super) delimiter: String,
    pub(super) marker: Option<String>,
    pub(super) size: usize,
    asked_size: Option<String>,
}

impl Page {
    pub(super) fn of(call: &Call) -> Result<Self, StorageError> {
        let value = |name: &str| call.parameter(name).filter(|value| !value.is_empty());
        let asked_size = value("maxresults");
        let size = asked_size.as_deref().map_or(Some(5000), |text| text.parse().ok());
        let size = size.filter(|size| *size > 0).ok_or_else(|| StorageError::query("maxresults"))?;
        Ok(Self {
            prefix: value("prefix").unwrap_or_default(),
            delimiter: value("delimiter").unwrap_or_default(),
            marker: value("marker"),
            size: size.min(5000),
            asked_size,
        })
    }

    /// The list as it is told. A marker is the name with which the next page begins.
    pub(super) fn told(&self, attributes: &str, body: &str, next: Option<&str>) -> Answer {
        let field = |name: &str, value: &str| match value {
            "" => String::new(),
            value => xml::element(name, value),
        };
        let head = [
            field("Prefix", &self.prefix),
            field("Marker", self.marker.as_deref().unwrap_or_default()),
            field("MaxResults", self.asked_size.as_deref().unwrap_or_default()),
            field("Delimiter", &self.delimiter),
        ];
        let next = next.map_or_else(|| "<NextMarker/>".to_owned(), |next| xml::element("NextMarker", next));
        let body = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults {attributes}>{}{body}{next}\
             </EnumerationResults>",
            head.concat()
        );
        Answer::new(200, "application/xml", body)
    }
}

pub(super) fn create(
    state: &mut State,
    call: &Call,
    asked: &Asked<'_>,
    name: &str,
) -> Result<Answer, StorageError> {
    permit(state, call, asked, Op::CreateContainer)?;
    let is_name = (3..=63).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    if !is_name {
        let words = "The specified resource name contains invalid characters.";
        return Err(StorageError::new(400, "InvalidResourceName", words));
    }
    if found(state, asked, name).is_ok() {
        let words = "The specified container already exists.";
        return Err(StorageError::new(409, "ContainerAlreadyExists", words));
    }
    let now = state.clock.now();
    state.storage.add_container(asked.account, name, now);
    let made = found(state, asked, name)?;
    Ok(dated(Answer::empty(201), made.modified, &made.etag))
}

pub(super) fn delete(
    state: &mut State,
    call: &Call,
    asked: &Asked<'_>,
    name: &str,
) -> Result<Answer, StorageError> {
    permit(state, call, asked, Op::DeleteContainer)?;
    let account = state.storage.accounts.get_mut(asked.account);
    let removed = account.and_then(|account| account.containers.remove(name));
    removed.map(|_| Answer::empty(202)).ok_or_else(StorageError::no_container)
}

pub(super) fn properties(
    state: &State,
    call: &Call,
    asked: &Asked<'_>,
    name: &str,
) -> Result<Answer, StorageError> {
    permit(state, call, asked, Op::ContainerProperties)?;
    let container = found(state, asked, name)?;
    Ok(dated(Answer::empty(200), container.modified, &container.etag)
        .with_header("x-ms-lease-status", "unlocked")
        .with_header("x-ms-lease-state", "available")
        .with_header("x-ms-has-immutability-policy", "false")
        .with_header("x-ms-has-legal-hold", "false"))
}
