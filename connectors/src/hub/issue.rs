//! Issuing to other programs: as an envelope, as variables, in the form of a tool.

use connector_core::{Document, Envelope, EnvironmentForm, Error, Grant, Result, Secret, SecretReader};
use connector_store::{Dependency, Digest, Entry};

use super::Hub;
use super::sealed::{Asks, Cached};

impl Hub {
    /// Issues a credential, in the form in which it travels. It is shared with other processes through the
    /// sealed cache until it is time for a new one.
    ///
    /// # Errors
    /// Those of minting.
    pub async fn issue(&self, name: &str, grant: impl Into<Grant>) -> Result<Envelope> {
        self.issue_to(name, grant.into(), Asks::Somebody).await
    }

    /// As [`Hub::issue`], for a program that asks an endpoint: a refusal is remembered as for [`Hub::tool`].
    #[cfg(feature = "agent")]
    pub(crate) async fn issue_to_program(&self, name: &str, grant: Grant) -> Result<Envelope> {
        self.issue_to(name, grant, self.asks()).await
    }

    /// Where a person is there it is not a program that asks, but somebody who sets one up.
    fn asks(&self) -> Asks {
        if self.cx.is_attended() { Asks::Somebody } else { Asks::Tool }
    }

    async fn issue_to(&self, name: &str, grant: Grant, asks: Asks) -> Result<Envelope> {
        let issued = async {
            let document = self.usable(name).await?;
            let answer = self.sealed(&document, grant, asks).await?;
            Envelope::from_json(answer.json.expose())
        };
        issued.await.map_err(|error: Error| error.with_connector(name))
    }

    /// Issues a credential as environment variables.
    ///
    /// # Errors
    /// Those of minting; a kind that has no such form.
    pub async fn environment(
        &self,
        name: &str,
        grant: impl Into<Grant>,
    ) -> Result<(Envelope, EnvironmentForm)> {
        let envelope = self.issue(name, grant).await?;
        let form = self.registry().environment(&envelope)?;
        Ok((envelope, form))
    }

    /// Issues a credential in the form that a tool reads, and lets the fast path answer `target` with it
    /// from now on.
    ///
    /// A refusal is remembered for a moment, for all processes: tools call their helpers again and again, and a wrong
    /// permission must not cost its provider a call each time. [`Hub::issue`] always tries.
    ///
    /// A stored secret that its resource type passes to just this tool goes there without the owner's leave. It
    /// is minted for every answer, and lies in no cache.
    ///
    /// # Errors
    /// Those of minting; a kind that has no form for that tool.
    pub async fn tool(&self, name: &str, grant: Grant, tool: &str, target: &Digest) -> Result<Secret> {
        let answered = async {
            let document = self.usable(name).await?;
            let grant = self.opened.complete(&document, grant)?;
            let resource_type = grant.resource_type.as_deref().unwrap_or_default();
            if self.registry().passes_to(&document.connector_type, resource_type)? == Some(tool) {
                return self.handle_as(&document, grant).await?.tool(tool).await;
            }
            let answer = self.sealed(&document, grant, self.asks()).await?;
            let text = self.registry().tool(&Envelope::from_json(answer.json.expose())?, tool)?;
            if let Some(cached) = answer.cached.filter(|it| !it.place.ambient) {
                // A cache that cannot be written makes things slower, not wrong.
                self.told(self.answer_fast(&document, &cached, tool, &text, target).await);
            }
            Ok(text)
        };
        answered.await.map_err(|error: Error| error.with_connector(name))
    }

    async fn answer_fast(
        &self,
        document: &Document,
        cached: &Cached,
        tool: &str,
        text: &Secret,
        target: &Digest,
    ) -> Result<()> {
        let key = Digest::of([cached.place.key.as_str(), tool]);
        let entry = Entry { body: text.clone(), ..cached.entry.clone() };
        let dependencies = &cached.place.dependencies;
        self.put(&key, dependencies, &entry).await?;
        self.opened.store.link(&Dependency::from(document), dependencies, target, &key).await?;
        Ok(())
    }

    /// Reads a secret of the provider through the connector.
    ///
    /// # Errors
    /// Those of the provider; a connector that reaches no secrets.
    pub async fn read_secret(&self, name: &str, id: &str) -> Result<Secret> {
        use connector_store::audit::Action;

        let document = self.usable(name).await?;
        let handle = self.handle(name, Grant::new("secret", id)).await?;
        let mut record = self.note(Action::ReadSecret, &document);
        record.resource_type = Some("secret".into());
        record.resource_id = handle.grant().resource_id;
        self.opened.store.audit(&record).await?;
        let reader = handle.client::<SecretReader>().await?;
        reader.read().await.map_err(|error| error.with_connector(name))
    }
}
