//! The ids of containers, in every form that there is of them.

use connector_core::{Error, KeyPrefix, Parsed, Result, in_id, not_an_id};
use percent_encoding::percent_decode_str;

use super::BlobContainer;
use crate::names::{Cloud, ContainerName, Service, StorageAccount};

/// What an id says.
pub(super) enum Id<'a> {
    /// A container of an account, of whatever cloud the connector is of.
    Whole(BlobContainer),
    /// The same by a host, which says the cloud, too: a session has to agree.
    Hosted(Cloud, BlobContainer),
    /// A container of an account that is to be found.
    Named(ContainerName, &'a str),
}

/// Reads an id, and the part of the container that it names; empty for none.
pub(super) fn read(text: &str) -> Result<(Id<'_>, String)> {
    let Some((scheme, rest)) = text.split_once("://") else {
        if text.contains('/') {
            return Err(refused("a path needs az://ACCOUNT/ in front of the container"));
        }
        return Ok((Id::Named(name(text)?, text), String::new()));
    };
    match scheme {
        "az" => az(rest),
        "abfs" | "abfss" => abfs(rest),
        "https" => url(rest),
        "http" => Err(refused("write https: Azure is asked over TLS alone")),
        _ => Err(refused("expected az://, abfs://, abfss:// or https:// in front")),
    }
}

/// As [`ResourceType::parse`](connector_core::ResourceType::parse) tells it.
pub(super) fn parse(text: &str) -> Result<Parsed<BlobContainer>> {
    let (id, path) = read(text)?;
    let parsed = match id {
        Id::Whole(container) => Parsed::exact(container),
        Id::Hosted(cloud, container) => Parsed::partial(container.url(cloud)),
        Id::Named(_, name) => Parsed::partial(name),
    };
    if path.is_empty() {
        return Ok(parsed);
    }
    let prefix = in_id::<BlobContainer, _>(KeyPrefix::parse(&path))?;
    Ok(parsed.within(prefix.as_str()))
}

/// `ACCOUNT/CONTAINER/PATH`, or `CONTAINER`.
fn az(rest: &str) -> Result<(Id<'_>, String)> {
    match rest.split_once('/') {
        None | Some((_, "")) => {
            let text = rest.trim_end_matches('/');
            Ok((Id::Named(name(text)?, text), String::new()))
        }
        Some((account, rest)) => {
            let account = in_id::<BlobContainer, _>(StorageAccount::parse(account))?;
            let (container, path) = rest.split_once('/').unwrap_or((rest, ""));
            Ok((Id::Whole(BlobContainer::new(account, name(container)?)), path.to_owned()))
        }
    }
}

/// `CONTAINER@ACCOUNT.dfs.HOSTS/PATH`, or `CONTAINER/PATH` as some libraries have it.
fn abfs(rest: &str) -> Result<(Id<'_>, String)> {
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    match place.split_once('@') {
        None => Ok((Id::Named(name(place)?, place), path.to_owned())),
        Some((container, host)) => {
            let (cloud, account) = account(host)?;
            Ok((Id::Hosted(cloud, BlobContainer::new(account, name(container)?)), path.to_owned()))
        }
    }
}

/// `ACCOUNT.blob.HOSTS/CONTAINER/PATH`, with the path encoded as URLs have it.
fn url(rest: &str) -> Result<(Id<'_>, String)> {
    // A signature stands there, and is not for the eyes of whoever reads ids.
    if rest.contains(['?', '#']) {
        return Err(refused("a URL with a query may hold a signature: leave it out"));
    }
    let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let (container, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (cloud, account) = account(host)?;
    let path = percent_decode_str(path).decode_utf8().map_err(|_| refused("the path is no text"))?;
    Ok((Id::Hosted(cloud, BlobContainer::new(account, name(container)?)), path.into_owned()))
}

fn name(text: &str) -> Result<ContainerName> {
    in_id::<BlobContainer, _>(ContainerName::parse(text))
}

/// The account of a host, and the cloud that the host is of. Upper and lower case are the same to hosts.
fn account(host: &str) -> Result<(Cloud, StorageAccount)> {
    if host.len() > 253 {
        return Err(refused("the host is longer than hosts are"));
    }
    let host = host.to_ascii_lowercase();
    let of_files = Cloud::ALL.into_iter().find_map(|cloud| {
        let name = host.strip_suffix(cloud.storage_suffix())?.strip_suffix(".dfs.")?;
        Some((cloud, name))
    });
    let (cloud, name) = Cloud::of_host(Service::Blob, &host).or(of_files).ok_or_else(|| {
        refused("the host is not one of Blob Storage: expected ACCOUNT.blob.core.windows.net, or that of another cloud")
    })?;
    let account = in_id::<BlobContainer, _>(StorageAccount::parse(name))?;
    Ok((cloud, account))
}

fn refused(why: &str) -> Error {
    not_an_id::<BlobContainer>(why)
}
