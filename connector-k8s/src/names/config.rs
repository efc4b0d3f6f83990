//! The checked texts of the auth methods' configs.

use connector_core::checked;

checked! {
    /// The name of a cluster, as a kubeconfig has it: `demo`, `gke_PROJECT_REGION_NAME`, an ARN.
    ClusterName {
        pattern: "^[0-9A-Za-z]([!-.0-~]|/[0-9A-Za-z])*$",
        length: 1..=253,
        check: is_cluster,
        expected: "a cluster's name: printable characters without blanks, and no URL",
        example: "demo",
    }

    /// The name of a service account.
    ServiceAccountName {
        pattern: "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
        length: 1..=253,
        check: |text| text.split('.').all(is_label),
        expected: "the name of a service account: small letters, digits, `-` and `.`",
        example: "deployer",
    }

    /// The name of a namespace.
    Namespace {
        pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        length: 1..=63,
        check: is_label,
        expected: "the name of a namespace: small letters, digits and `-`",
        example: "production",
    }

    /// For whom a token is: a server refuses those that are for others.
    Audience {
        pattern: "^[!-~]+$",
        length: 1..=512,
        check: |text| text.bytes().all(|it| it.is_ascii_graphic()),
        expected: "an audience: printable characters without blanks",
        example: "https://kubernetes.default.svc",
    }

    /// The name that a server's certificate bears: a host's, not an address.
    TlsServerName {
        pattern: "^[0-9A-Za-z_]([0-9A-Za-z_.-]*[0-9A-Za-z_])?$",
        length: 1..=253,
        check: is_host,
        expected: "the name of a host",
        example: "kubernetes.default.svc",
    }
}

/// Whatever a kubeconfig calls a cluster, as long as it cannot be taken for a server's URL.
fn is_cluster(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_graphic())
        && text.split('/').all(|part| part.starts_with(|it: char| it.is_ascii_alphanumeric()))
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_host(text: &str) -> bool {
    let is_part = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.split('.').all(is_part)
        // A last part of digits, decimal or hexadecimal, makes an address of it.
        && !text.rsplit('.').next().is_some_and(is_number)
}

fn is_number(part: &str) -> bool {
    part.bytes().all(|it| it.is_ascii_digit()) || part.starts_with("0x") || part.starts_with("0X")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_clusters_have_them() {
        let arn = "arn:aws:eks:eu-west-1:123456789012:cluster/demo";
        for good in ["demo", "kind-kind", "gke_p_europe-west1_demo", arn, "admin@10.0.0.1:6443"] {
            assert!(ClusterName::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(254);
        for bad in
            ["", " demo", "de mo", "https://demo", "de\nmo", "-demo", "demo/", "a//b", "a/../b", "é", &long]
        {
            assert!(ClusterName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_accounts_namespaces_and_servers() {
        assert!(ServiceAccountName::parse("ci.deployer-2").is_ok());
        assert!(Namespace::parse("kube-system").is_ok());
        for bad in ["", "A", "-a", "a-", "a..b", "a/b", "a b", "../x"] {
            assert!(ServiceAccountName::parse(bad).is_err(), "{bad}");
            assert!(Namespace::parse(bad).is_err(), "{bad}");
        }
        assert!(TlsServerName::parse("kubernetes.default.svc").is_ok());
        for bad in ["", "10.0.0.1", "::1", "a b", "a/", "-a", "a.", "https://a", "0xa9fea9fe", "a.0X1"] {
            assert!(TlsServerName::parse(bad).is_err(), "{bad}");
        }
        assert!(Audience::parse("https://vault.example.org").is_ok() && Audience::parse("a b").is_err());
    }
}
