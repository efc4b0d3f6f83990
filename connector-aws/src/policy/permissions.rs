//! Which permissions each kind of resource needs: one table, from which policies are made and by which
//! `describe-type` explains them. Actions and the ARNs they attach to from AWS's service authorization
//! reference.

use connector_core::Access::{self, Admin, Read, Write};

/// The kinds of resource that have permissions of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `s3-bucket`.
    Bucket,
    /// `docker-registry`, private.
    Registry,
    /// `docker-registry` at `public.ecr.aws`.
    PublicRegistry,
    /// `kubernetes-cluster`.
    Cluster,
    /// `secret`.
    Secret,
}

/// One permission, for those who read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Permission {
    /// The action, such as `s3:GetObject`.
    pub action: &'static str,
    /// What it attaches to: an ARN with the names of its parts in braces, or `*`.
    pub resource: &'static str,
}

/// Actions that come with an access level and attach to the same ARN.
pub(super) struct Rule {
    pub(super) access: Access,
    pub(super) part: Part,
    pub(super) resource: &'static str,
    pub(super) actions: &'static [&'static str],
}

/// How a rule holds for a part of a resource.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The ARN says which part, or the action says nothing of what is inside.
    Named,
    /// Lists what is inside: holds for a part by a condition on the prefix asked for.
    Listing,
    /// Would tell of the other parts: left out of a policy for a part.
    Whole,
    /// Finds resources. The connector needs it, what it issues does not.
    Finding,
}

const fn rule(access: Access, part: Part, resource: &'static str, actions: &'static [&'static str]) -> Rule {
    Rule { access, part, resource, actions }
}

const BUCKET: &str = "arn:{partition}:s3:::{bucket}";
pub(super) const OBJECTS: &str = "arn:{partition}:s3:::{bucket}/{prefix}*";
/// The one object that a part of a bucket names beside those under it.
pub(super) const OBJECT: &str = "arn:{partition}:s3:::{bucket}/{object}";
const REPOSITORY: &str = "arn:{partition}:ecr:{region}:{account}:repository/{repository}";
const PUBLIC_REPOSITORY: &str = "arn:{partition}:ecr-public::{account}:repository/{repository}";
const CLUSTER: &str = "arn:{partition}:eks:{region}:{account}:cluster/{cluster}";
const SECRET: &str = "{secret}";
const ANY: &str = "*";

const BUCKET_RULES: &[Rule] = &[
    rule(Read, Part::Finding, ANY, &["s3:ListAllMyBuckets"]),
    rule(Read, Part::Listing, BUCKET, &["s3:ListBucket", "s3:ListBucketVersions"]),
    rule(Read, Part::Named, BUCKET, &["s3:GetBucketLocation", "s3:GetBucketVersioning"]),
    rule(Read, Part::Named, OBJECTS, &["s3:GetObject", "s3:GetObjectVersion"]),
    rule(Write, Part::Whole, BUCKET, &["s3:ListBucketMultipartUploads"]),
    rule(
        Write,
        Part::Named,
        OBJECTS,
        &[
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
        ],
    ),
    rule(
        Admin,
        Part::Whole,
        BUCKET,
        &[
            "s3:GetBucket*",
            "s3:PutBucket*",
            "s3:DeleteBucketPolicy",
            "s3:DeleteBucketWebsite",
            "s3:GetEncryptionConfiguration",
            "s3:PutEncryptionConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:GetReplicationConfiguration",
            "s3:PutReplicationConfiguration",
        ],
    ),
];

const REGISTRY_RULES: &[Rule] = &[
    rule(Read, Part::Named, ANY, &["ecr:GetAuthorizationToken"]),
    rule(
        Read,
        Part::Named,
        REPOSITORY,
        &[
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            "ecr:DescribeImages",
            "ecr:DescribeRepositories",
            "ecr:ListImages",
        ],
    ),
    rule(
        Write,
        Part::Named,
        REPOSITORY,
        &["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"],
    ),
    rule(
        Admin,
        Part::Named,
        REPOSITORY,
        &[
            "ecr:BatchDeleteImage",
            "ecr:CreateRepository",
            "ecr:DeleteRepository",
            "ecr:GetRepositoryPolicy",
            "ecr:SetRepositoryPolicy",
            "ecr:DeleteRepositoryPolicy",
            "ecr:GetLifecyclePolicy",
            "ecr:PutLifecyclePolicy",
            "ecr:DeleteLifecyclePolicy",
            "ecr:PutImageScanningConfiguration",
            "ecr:PutImageTagMutability",
        ],
    ),
];

const PUBLIC_REGISTRY_RULES: &[Rule] = &[
    rule(Read, Part::Named, ANY, &["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"]),
    rule(
        Read,
        Part::Named,
        PUBLIC_REPOSITORY,
        &[
            "ecr-public:BatchCheckLayerAvailability",
            "ecr-public:DescribeImages",
            "ecr-public:DescribeRepositories",
        ],
    ),
    rule(
        Write,
        Part::Named,
        PUBLIC_REPOSITORY,
        &[
            "ecr-public:InitiateLayerUpload",
            "ecr-public:UploadLayerPart",
            "ecr-public:CompleteLayerUpload",
            "ecr-public:PutImage",
        ],
    ),
    rule(
        Admin,
        Part::Named,
        PUBLIC_REPOSITORY,
        &[
            "ecr-public:BatchDeleteImage",
            "ecr-public:CreateRepository",
            "ecr-public:DeleteRepository",
            "ecr-public:GetRepositoryPolicy",
            "ecr-public:SetRepositoryPolicy",
            "ecr-public:DeleteRepositoryPolicy",
        ],
    ),
];

const CLUSTER_RULES: &[Rule] = &[
    rule(Read, Part::Finding, ANY, &["eks:ListClusters"]),
    rule(Read, Part::Named, CLUSTER, &["eks:DescribeCluster"]),
];

const SECRET_RULES: &[Rule] = &[
    rule(Read, Part::Finding, ANY, &["secretsmanager:ListSecrets"]),
    rule(Read, Part::Named, SECRET, &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]),
    rule(
        Write,
        Part::Named,
        SECRET,
        &["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
    ),
    rule(
        Admin,
        Part::Named,
        SECRET,
        &[
            "secretsmanager:UpdateSecret",
            "secretsmanager:DeleteSecret",
            "secretsmanager:RestoreSecret",
            "secretsmanager:RotateSecret",
            "secretsmanager:CancelRotateSecret",
            "secretsmanager:GetResourcePolicy",
            "secretsmanager:PutResourcePolicy",
            "secretsmanager:DeleteResourcePolicy",
            "secretsmanager:ValidateResourcePolicy",
        ],
    ),
];

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Bucket, Self::Registry, Self::PublicRegistry, Self::Cluster, Self::Secret];

    pub(super) const fn rules(self) -> &'static [Rule] {
        match self {
            Self::Bucket => BUCKET_RULES,
            Self::Registry => REGISTRY_RULES,
            Self::PublicRegistry => PUBLIC_REGISTRY_RULES,
            Self::Cluster => CLUSTER_RULES,
            Self::Secret => SECRET_RULES,
        }
    }

    /// The permissions at an access level with what each attaches to, those for finding resources too.
    pub fn permissions(self, access: Access) -> impl Iterator<Item = Permission> {
        self.rules()
            .iter()
            .filter(move |it| it.access <= access)
            .flat_map(|rule| rule.actions.iter().map(|action| Permission { action, resource: rule.resource }))
    }
}

/// The actions at an access level, those for finding resources too. What an issued credential carries of them
/// is said by [`Target::carries`](super::Target::carries).
#[must_use]
pub fn permissions(kind: Kind, access: Access) -> Vec<&'static str> {
    kind.permissions(access).map(|it| it.action).collect()
}
