//! How a machine becomes a member: the request, and what `GET /v1/bootstrap` says.

use super::kind::PORT;
use super::node::DATABASE_VERSION;
use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_22_2, V8_0_20, V8_2_0};
use Kind::{Bool, Either, Float, ListOf, Object, Of, OneOf, Text, Texts};

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::Create)
}

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read).source(Source::Fixture)
}

#[rustfmt::skip]
pub(crate) const BOOTSTRAP: Table = Table::new("bootstrap", "What a machine is to do to become a member of a cluster.", &[
    rw("action", OneOf(&["create_cluster", "join_cluster", "recover_cluster"]), ""),
    rw("cluster", Of(&CLUSTER_IDENTITY), ""),
    rw("node", Of(&NODE_IDENTITY), ""),
    rw("credentials", Of(&CREDENTIALS), ""),
    rw("license", Text, ""),
    rw("policy", Of(&POLICY), ""),
    rw("dns_suffixes", Either(&[ListOf(&Of(&DNS_SUFFIX)), Of(&DNS_SUFFIX)]), ""),
    rw("cnm_https_port", Kind::Int(1, 65535), ""),
    rw("crdb_coordinator_port", PORT, "9081"),
    rw("envoy_admin_port", PORT, ""),
    rw("envoy_mgmt_server_port", PORT, ""),
    rw("gossip_envoy_admin_port", PORT, ""),
    rw("max_retries", COUNT, ""),
    rw("retry_time", COUNT, ""),
    rw("recovery_filename", Text, ""),
    rw("required_version", Text, ""),
    rw("user_defined_modules", ListOf(&Of(&USER_DEFINED_MODULE)), "").since(V8_0_20),
    rw("witness_disk", Object, "").since(V8_0_20),
]);

pub(crate) const CLUSTER_IDENTITY: Table = Table::part(
    "cluster_identity",
    "The cluster to create or to join.",
    &[
        rw("name", Text, ""),
        rw("nodes", Texts, ""),
        rw("wait_command", Bool, "true"),
    ],
);

pub(crate) const CREDENTIALS: Table = Table::part(
    "credentials",
    "The administrator of the cluster.",
    &[
        rw("username", Text, ""),
        rw("password", Text, ""),
        rw("client_cert", Text, "").since(V8_2_0),
        rw("client_key", Text, "").since(V8_2_0),
        rw("trusted_ca", Text, "").since(V8_2_0),
    ],
);

pub(crate) const NODE_IDENTITY: Table = Table::part(
    "node_identity",
    "The machine as a node.",
    &[
        rw("identity", Of(&IDENTITY), ""),
        rw("limits", Of(&LIMITS), ""),
        rw("paths", Of(&PATHS), ""),
        rw("bigstore_enabled", Bool, "false"),
        rw("bigstore_driver", Text, ""),
    ],
);

pub(crate) const IDENTITY: Table = Table::part(
    "identity",
    "Name and place of the node.",
    &[
        rw("uid", INT, ""),
        rw("accept_servers", Bool, "true"),
        rw("addr", Text, ""),
        rw("external_addr", Texts, ""),
        rw("name", Text, ""),
        rw("override_rack_id", Bool, ""),
        rw("rack_id", Text, ""),
        rw("second_rack_id", Text, "").since(V7_22_2),
        rw("use_internal_ipv6", Bool, "false"),
    ],
);

pub(crate) const LIMITS: Table = Table::part(
    "limits",
    "How much a node takes on.",
    &[
        rw("max_listeners", COUNT, "100"),
        rw("max_redis_servers", COUNT, "100"),
    ],
);

pub(crate) const PATHS: Table = Table::part(
    "paths",
    "Where a node keeps its files.",
    &[
        rw("persistent_path", Text, ""),
        rw("ephemeral_path", Text, ""),
        rw("ccs_persistent_path", Text, ""),
        rw("bigstore_path", Text, ""),
    ],
);

const PROXY_POLICY: Kind = OneOf(&["single", "all-master-shards", "all-nodes"]);

pub(crate) const POLICY: Table = Table::part(
    "policy",
    "First settings of the cluster's policy.",
    &[
        rw("default_fork_evict_ram", Bool, "false"),
        rw("default_non_sharded_proxy_policy", PROXY_POLICY, r#""single""#),
        rw(
            "default_sharded_proxy_policy",
            PROXY_POLICY,
            r#""all-master-shards""#,
        ),
        rw(
            "default_shards_placement",
            OneOf(&["dense", "sparse"]),
            r#""sparse""#,
        ),
        rw("rack_aware", Bool, ""),
        rw("shards_overbooking", Bool, "true"),
    ],
);

pub(crate) const DNS_SUFFIX: Table = Table::part(
    "dns_suffix",
    "A DNS suffix of the new cluster.",
    &[
        rw("name", Text, ""),
        rw("cluster_default", Bool, ""),
        rw("use_aaaa_ns", Bool, ""),
        rw("use_internal_addr", Bool, ""),
        rw("slaves", Texts, ""),
    ],
);

const MODULE_CREDENTIALS: &[Field] = &[
    rw("username", Text, "").needed(),
    rw("password", Text, "").needed(),
];

const MODULE_LOCATION: &[Field] = &[
    rw("location_type", OneOf(&["http", "https"]), "").needed(),
    rw("url", Text, "").needed(),
    rw("credentials", Kind::Nested(MODULE_CREDENTIALS), ""),
];

pub(crate) const USER_DEFINED_MODULE: Table = Table::part(
    "user_defined_module",
    "A module that each node fetches.",
    &[
        rw("name", Text, "").needed(),
        rw("location", Kind::Nested(MODULE_LOCATION), "").needed(),
    ],
)
.since(V8_0_20);

pub(crate) const STATUS: Table = Table::part(
    "bootstrap_status",
    "How far a bootstrap is, or why it failed.",
    &[
        ro(
            "state",
            OneOf(&[
                "idle",
                "initiated",
                "creating_cluster",
                "joining_cluster",
                "recovering_cluster",
                "error",
                "completed",
            ]),
        ),
        ro("start_time", Text),
        ro("end_time", Text),
        ro("error_code", Text).source(Source::Doc),
        ro("error_details", Of(&ERROR_DETAILS)).source(Source::Doc),
        // The page has the keys of a warning and says only that the status has them.
        ro("warnings", ListOf(&Kind::Nested(WARNING)))
            .source(Source::Inferred)
            .since(V8_0_20),
    ],
);

const WARNED_MODULE: &[Field] = &[ro("module_name", Text).source(Source::Doc)];

const WARNING: &[Field] = &[
    ro("warning_type", Text).source(Source::Doc),
    ro("message", Text).source(Source::Doc),
    ro("details", Kind::Nested(WARNED_MODULE)).source(Source::Doc),
];

const FAILED_NODE: &[Field] = &[
    ro("uid", INT).source(Source::Doc),
    ro("rack_id", Text).source(Source::Doc),
];

pub(crate) const ERROR_DETAILS: Table = Table::part(
    "bootstrap_error_details",
    "Why a bootstrap failed; which keys there are follows from the code.",
    &[
        ro("message", Text).source(Source::Doc),
        // Of a licence whose terms are violated; the page does not name the key.
        ro("code", Text).source(Source::Inferred),
        ro("failed_nodes", ListOf(&Kind::Nested(FAILED_NODE))).source(Source::Doc),
        ro("replace_candidate", INT).source(Source::Doc),
        ro("required_memory", INT).source(Source::Doc),
        ro("required_flash", INT).source(Source::Doc),
        ro("current_rack_ids", Texts).source(Source::Doc),
    ],
);

const ADDRESS: &[Field] = &[
    ro("address", Text),
    ro("format", OneOf(&["ipv4", "ipv6"])),
    ro("if_name", Text),
    ro("private", Bool),
];

const ADDRESSES: Kind = ListOf(&Kind::Nested(ADDRESS));

#[rustfmt::skip]
pub(crate) const LOCAL_NODE: Table = Table::part("local_node_info", "The machine that was asked.", &[
    ro("uid", Either(&[Text, INT])),
    ro("architecture", Text),
    ro("available_addresses", ADDRESSES),
    ro("available_addrs", ADDRESSES).source(Source::Doc),
    ro("bigredis_storage_path", Text),
    ro("bridge_interfaces", Kind::List),
    ro("cnm_version_sha", Text),
    ro("cores", INT),
    ro("ephemeral_storage_path", Text),
    ro("ephemeral_storage_size", Float),
    ro("fips_enabled", Bool),
    ro("os_family", Text),
    ro("os_name", Text),
    ro("os_semantic_version", Text),
    ro("os_version", Text),
    ro("persistent_storage_path", Text),
    ro("persistent_storage_size", Float),
    ro("short_hostname", Text),
    ro("software_version", Text),
    ro("supported_bigstore_drivers", Texts),
    ro("supported_database_versions", ListOf(&Of(&DATABASE_VERSION))),
    ro("total_memory", INT),
    ro("uptime", INT),
]);

/// `GET /v1/bootstrap`
pub(crate) const ANSWER: Kind = Kind::Nested(&[
    ro("bootstrap_status", Of(&STATUS)),
    ro("local_node_info", Of(&LOCAL_NODE)),
]);
