//! What there is in the cloud. All of it lies in [`PROJECT`](super::PROJECT) unless told otherwise.

use super::artifacts::Repository;
use super::container::Cluster;
use super::gke::GkeWebhook;
use super::metadata::Metadata;
use super::secrets::Secret;
use super::storage::{Bucket, Object};
use super::{PROJECT, StrictGoogle};

impl StrictGoogle {
    /// A bucket with objects, ruled by itself alone. Answers with its resource name.
    pub fn add_bucket(&self, name: &str, objects: &[(&str, &str)]) -> String {
        self.add_bucket_in(PROJECT, name, objects)
    }

    /// The same in another project.
    pub fn add_bucket_in(&self, project: &str, name: &str, objects: &[(&str, &str)]) -> String {
        let object = |body: &str| Object {
            content: body.as_bytes().to_vec(),
            content_type: "text/plain".to_owned(),
            generation: 1,
        };
        let bucket = Bucket {
            project: project.to_owned(),
            location: "EUROPE-WEST1".to_owned(),
            is_uniform: true,
            labels: serde_json::Value::Null,
            objects: objects.iter().map(|(name, body)| ((*name).to_owned(), object(body))).collect(),
        };
        self.state().storage.buckets.insert(name.to_owned(), bucket);
        format!("projects/_/buckets/{name}")
    }

    /// Lets objects of a bucket have rules of their own: no access boundary lets anything through any more.
    pub fn allow_object_rules(&self, bucket: &str) {
        if let Some(bucket) = self.state().storage.buckets.get_mut(bucket) {
            bucket.is_uniform = false;
        }
    }

    /// The content of an object.
    pub fn object(&self, bucket: &str, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let object = state.storage.buckets.get(bucket)?.objects.get(name)?;
        Some(object.content.clone())
    }

    /// A cluster.
    pub fn add_cluster(&self, location: &str, name: &str, cluster: Cluster) {
        self.add_cluster_in(PROJECT, location, name, cluster);
    }

    /// The same in another project.
    pub fn add_cluster_in(&self, project: &str, location: &str, name: &str, cluster: Cluster) {
        let key = (project.to_owned(), location.to_owned(), name.to_owned());
        self.state().clusters.all.insert(key, cluster);
    }

    /// Lets a zone not answer: its clusters are missing from lists, which say so.
    pub fn lose_zone(&self, zone: &str) {
        self.state().clusters.missing_zones.insert(zone.to_owned());
    }

    /// What a cluster needs to take access tokens of this server.
    pub fn webhook(&self) -> GkeWebhook {
        GkeWebhook::new(&self.state)
    }

    /// Sets the locations of Artifact Registry (forty at first).
    pub fn set_locations(&self, locations: &[&str]) {
        self.state().artifacts.locations = locations.iter().map(|it| (*it).to_owned()).collect();
    }

    /// Lets nobody list repositories in a location.
    pub fn close_location(&self, location: &str) {
        self.state().artifacts.closed.insert(location.to_owned());
    }

    /// A repository for container images. Answers with its resource name.
    pub fn add_repository(&self, location: &str, name: &str) -> String {
        self.add_repository_of(PROJECT, location, name, "DOCKER")
    }

    /// A repository in another project, or of another format (`MAVEN`).
    pub fn add_repository_of(&self, project: &str, location: &str, name: &str, format: &str) -> String {
        let name = format!("projects/{project}/locations/{location}/repositories/{name}");
        let repository = Repository { format: format.to_owned(), images: Vec::new() };
        self.state().artifacts.repositories.insert(name.clone(), repository);
        name
    }

    /// An image in a repository, which is named by its resource name.
    pub fn add_image(&self, repository: &str, image: &str) {
        if let Some(repository) = self.state().artifacts.repositories.get_mut(repository) {
            let digest = format!("sha256:{}", crate::random::text(64, b"0123456789abcdef"));
            repository.images.push((image.to_owned(), digest));
        }
    }

    /// A secret with one version. Answers with its resource name.
    pub fn add_secret(&self, name: &str, value: &str) -> String {
        let name = format!("projects/{PROJECT}/secrets/{name}");
        let secret = Secret { versions: vec![value.as_bytes().to_vec()] };
        self.state().secrets.insert(name.clone(), secret);
        name
    }

    /// The newest value of a secret, by its resource name.
    pub fn secret(&self, name: &str) -> Option<Vec<u8>> {
        self.state().secrets.get(name)?.versions.last().cloned()
    }

    /// Makes this server the metadata server of a machine with that account and the usual scopes
    /// (`GCE_METADATA_HOST`, `GCE_METADATA_IP` and `GCE_METADATA_ROOT` = [`StrictGoogle::metadata_host`]).
    pub fn set_machine_account(&self, email: &str) {
        let scopes = Metadata::usual_scopes();
        self.set_machine(email, scopes);
    }

    /// The same with these scopes only.
    pub fn set_machine_account_with(&self, email: &str, scopes: &[&str]) {
        self.set_machine(email, scopes.iter().map(|scope| (*scope).to_owned()).collect());
    }

    fn set_machine(&self, email: &str, scopes: Vec<String>) {
        self.state().metadata =
            Metadata { account: Some((email.to_owned(), scopes)), project: PROJECT.to_owned() };
    }

    /// The value of the metadata variables: host and port, without a scheme.
    pub fn metadata_host(&self) -> String {
        self.address().to_string()
    }
}
