//! Where an issued credential lies in the cache: everything that shaped it.

use connector_core::{Document, Error, Grant, Result};
use connector_store::{Dependency, Digest, Lookup};

use super::Hub;

/// Where an issued credential is cached: what shaped it, and what it depends on.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) key: Digest,
    pub(super) dependencies: Vec<Dependency>,
    /// The surroundings are part of what shaped it. The fast path does not look at them, so it must not
    /// answer: it could hand out somebody else's credential.
    pub(super) ambient: bool,
}

impl Hub {
    pub(super) fn look(&self, place: &Place) -> Lookup {
        self.opened.cache().get(&place.key, &place.dependencies, self.now())
    }

    /// The grant with its canonical id and part, if the id is complete.
    pub(super) fn exact(&self, document: &Document, grant: &Grant) -> Result<Option<Grant>> {
        let (Some(resource_type), Some(id)) = (&grant.resource_type, &grant.resource_id) else {
            return Ok(None);
        };
        let parsed = self.registry().parse(&document.connector_type, resource_type, id)?;
        if parsed.partial {
            return Ok(None);
        }
        let mut grant = grant.clone().with_id(parsed.id);
        grant.access = Some(grant.access.unwrap_or_default());
        grant.within = match (parsed.within, grant.within) {
            (Some(a), Some(b)) if a != b => {
                return Err(Error::field("within", "the id names another part than the grant asks for"));
            }
            (a, b) => b.or(a),
        };
        Ok(Some(grant))
    }

    /// Everything that shapes a credential: needs no decryption and no call.
    pub(super) async fn place(&self, document: &Document, grant: &Grant) -> Result<Place> {
        let family = self.opened.family(document).await?;
        for member in &family {
            self.check_usable(member).await?;
        }
        let mut parts = vec!["envelope".to_owned(), self.cx.caller().to_owned()];
        let mut ambient = false;
        for member in &family {
            let identity = self.registry().identity(member, &self.cx)?;
            ambient |= !identity.is_empty();
            parts.extend([member.id.clone(), member.version.to_string(), member.method.clone(), identity]);
        }
        for part in [&grant.resource_type, &grant.resource_id, &grant.within] {
            // Present and absent differ, also from present and empty.
            parts.push(part.as_ref().map_or_else(String::new, |it| format!("={it}")));
        }
        parts.push(grant.access.unwrap_or_default().to_string());
        parts.push(grant.duration.map_or_else(String::new, |it| it.as_secs().to_string()));
        Ok(Place {
            key: Digest::of(parts.iter().map(String::as_str)),
            dependencies: family.iter().map(Dependency::from).collect(),
            ambient,
        })
    }
}
