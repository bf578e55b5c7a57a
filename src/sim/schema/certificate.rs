//! Licence, the cluster's certificates, and errors.

use super::{Access, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20};
use Kind::{Bool, Either, ListOf, Null, Of, OneOf, Text, Texts};

const fn wo(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Write)
}

const fn captured(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read).source(Source::DocFixture)
}

const TEXT_OR_NULL: Kind = Either(&[Text, Null]);
const COUNT_OR_NULL: Kind = Either(&[INT, Null]);

#[rustfmt::skip]
pub(crate) const LICENSE: Table = Table::part("license", "The licence, and how much of it is used.", &[
    Field::new("license", Text, "", Access::Update).needed().source(Source::DocFixture),
    captured("cluster_name", TEXT_OR_NULL),
    captured("owner", TEXT_OR_NULL),
    captured("key", Text),
    captured("activation_date", Text),
    captured("expiration_date", Text),
    captured("expired", Bool),
    captured("features", Texts),
    captured("shards_limit", INT),
    captured("ram_shards_limit", COUNT_OR_NULL),
    captured("ram_shards_in_use", INT),
    captured("flash_shards_limit", COUNT_OR_NULL),
    captured("flash_shards_in_use", INT),
]);

pub(crate) const UPLOAD: Table = Table::new(
    "certificates",
    "A certificate to install.",
    &[
        // Which names there are depends on the version; another one is 403.
        wo("name", Text).needed(),
        wo("certificate", Text),
        wo("key", Text),
    ],
);

pub(crate) const BULK_UPLOAD: Table = Table::part(
    "certificates_update",
    "Certificates to install together.",
    &[wo("certificates", ListOf(&Of(&UPLOAD))).needed()],
)
.since(V7_22_2);

pub(crate) const ROTATE: Table = Table::part(
    "certificates_rotate",
    "Which certificate of the traffic between nodes to replace; all of them without a name.",
    &[wo("name", Text)],
);

const fn pem(name: &'static str) -> Field {
    Field::new(name, Text, "", Access::Read)
}

#[rustfmt::skip]
pub(crate) const INSTALLED: Table = Table::part("cluster_certificates", "Every certificate of the cluster, with its key.", &[
    pem("api_cert"), pem("api_key"),
    pem("cm_cert"), pem("cm_key"),
    pem("metrics_exporter_cert"), pem("metrics_exporter_key"),
    pem("proxy_cert"), pem("proxy_key"),
    pem("syncer_cert"), pem("syncer_key"),
    pem("ccs_internode_encryption_cert"), pem("ccs_internode_encryption_key"),
    pem("data_internode_encryption_cert"), pem("data_internode_encryption_key"),
    pem("ldap_client_cert"), pem("ldap_client_key"),
    pem("mtls_trusted_ca_cert"),
    pem("sso_service_cert").since(V8_0_20), pem("sso_service_key").since(V8_0_20),
    pem("sso_issuer_cert").since(V8_0_20),
]);

pub(crate) const HASHING: Table = Table::part(
    "change_password_hashing_algorithm",
    "How passwords of users are kept from now on.",
    &[wo("algorithm", OneOf(&["SHA-256", "PBKDF2"])).needed()],
)
.since(V7_8_6);

pub(crate) const ERROR: Table = Table::part(
    "error",
    "A refusal. Sources differ on the name of the text.",
    &[pem("error_code"), pem("description"), pem("message")],
);
