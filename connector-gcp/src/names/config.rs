//! The texts that configs are made of.

use connector_core::checked;

checked! {
    /// The id of a project; older ones of organizations stand behind a domain, as in `example.com:reports`.
    ProjectId {
        pattern: "^(([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$",
        length: 6..=128,
        check: is_project,
        expected: "a project id: 6 to 30 lower-case letters, digits and hyphens",
        example: "my-project",
    }

    /// The e-mail address of a service account, or of a person.
    Email {
        pattern: "^[0-9A-Za-z._+'-]+@([0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?\\.)+[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?$",
        length: 3..=320,
        check: is_email,
        expected: "an e-mail address",
        example: "deployer@my-project.iam.gserviceaccount.com",
    }

    /// What a token may be used for, in OAuth's words.
    Scope {
        pattern: "^[!#-\\[\\]-~]+$",
        length: 1..=512,
        check: |text| text.bytes().all(|it| it.is_ascii_graphic() && it != b'"' && it != b'\\'),
        expected: "an OAuth scope",
        example: "https://www.googleapis.com/auth/cloud-platform",
    }

    /// The domain below which the services are.
    UniverseDomain {
        pattern: "^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        length: 3..=253,
        check: is_domain,
        expected: "a domain",
        example: "googleapis.com",
    }
}

/// The universe of Google's public cloud.
const DEFAULT_UNIVERSE: &str = "googleapis.com";

impl Default for UniverseDomain {
    fn default() -> Self {
        Self::parse(DEFAULT_UNIVERSE).expect("the domain of Google's public cloud is one")
    }
}

impl UniverseDomain {
    /// Whether it is that of Google's public cloud.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.as_str() == DEFAULT_UNIVERSE
    }
}

impl Scope {
    /// All of Google Cloud, as far as the account may.
    pub const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
    /// The account's address: GKE knows callers by it.
    pub const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";

    /// Tokens of service accounts, and their keys.
    pub const IAM: &str = "https://www.googleapis.com/auth/iam";

    /// What is asked for where nobody says: all that the account may, and its name.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        [Self::CLOUD_PLATFORM, Self::EMAIL].map(|it| Self::parse(it).expect("a scope of Google")).into()
    }
}

fn is_project(text: &str) -> bool {
    let (domain, id) = match text.split_once(':') {
        Some((domain, id)) => (Some(domain), id),
        None => (None, text),
    };
    domain.is_none_or(is_domain) && is_project_id(id)
}

fn is_project_id(text: &str) -> bool {
    (6..=30).contains(&text.len())
        && text.starts_with(|it: char| it.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
}

fn is_domain(text: &str) -> bool {
    let label = |it: &str| {
        (1..=63).contains(&it.len())
            && it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
            && !it.starts_with('-')
            && !it.ends_with('-')
    };
    text.contains('.') && text.split('.').all(label)
}

/// Good enough to stand in a path, where nothing of it needs to be escaped but the `@`.
fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    let good = |it: u8| it.is_ascii_alphanumeric() || b"._+-'".contains(&it);
    !name.is_empty() && name.bytes().all(good) && is_domain(&domain.to_ascii_lowercase())
}
