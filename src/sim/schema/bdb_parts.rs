//! What is inside a database object.

use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V8_0_20, V8_2_0};
use Kind::{Bool, Float, ListOf, Of, OneOf, Text, Texts};

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::CreateUpdate)
}

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

const fn needed(name: &'static str, kind: Kind) -> Field {
    rw(name, kind, "").needed()
}

pub(crate) const TAG: Table = Table::part(
    "tag",
    "A tag of a database.",
    &[
        needed("key", Text),
        needed("value", Text),
        rw("isSystem", Kind::Any, "").since(V8_2_0),
    ],
);

pub(crate) const SUBJECT: Table = Table::part(
    "subject",
    "Whose client certificates are let in.",
    &[
        needed("CN", Text),
        rw("O", Text, ""),
        rw("OU", Texts, ""),
        rw("L", Text, ""),
        rw("ST", Text, ""),
        rw("C", Kind::Country, ""),
    ],
);

pub(crate) const CLIENT_CERT: Table = Table::part(
    "client_cert",
    "A certificate that is let in.",
    &[rw("client_cert", Text, "")],
);

pub(crate) const ROLE_PERMISSION: Table = Table::part(
    "role_permission",
    "What a role may do in a database.",
    &[rw("role_uid", INT, ""), rw("redis_acl_uid", INT, "")],
);

pub(crate) const REGEX: Table = Table::part(
    "shard_key_regex",
    "A rule that finds the part of a key which decides its shard.",
    &[needed("regex", Text)],
);

pub(crate) const SNAPSHOT_POLICY: Table = Table::part(
    "snapshot_policy",
    "When a snapshot is written.",
    &[needed("secs", COUNT), needed("writes", COUNT)],
);

pub(crate) const BACKGROUND_OP: Table = Table::part(
    "background_op",
    "What goes on with a database.",
    &[
        ro("status", Text),
        ro("name", Text),
        ro("error", Kind::Any),
        ro("progress", Float),
    ],
);

#[rustfmt::skip]
pub(crate) const ENDPOINT: Table = Table::part("endpoint", "Where a database is reached.", &[
    ro("uid", Text).source(Source::DocFixture),
    ro("dns_name", Text).source(Source::DocFixture),
    ro("port", COUNT).source(Source::DocFixture),
    ro("addr", Texts).source(Source::DocFixture),
    ro("addr_type", OneOf(&["internal", "external"])).source(Source::DocFixture),
    ro("proxy_policy", Text).source(Source::DocFixture),
    ro("oss_cluster_api_preferred_endpoint_type", OneOf(&["ip", "hostname"])).source(Source::DocFixture),
    ro("oss_cluster_api_preferred_ip_type", OneOf(&["internal", "external"])).source(Source::DocFixture),
    ro("exclude_proxies", Kind::List),
    ro("include_proxies", Kind::List),
]);

/// Arguments of a module: one text, or a list.
pub(crate) const MODULE_ARGS: Kind = Kind::Either(&[Text, Kind::List]);

pub(crate) const MODULE: Table = Table::part(
    "bdb_module",
    "A module that a database uses.",
    &[
        needed("module_name", Text).source(Source::DocFixture),
        rw("module_args", MODULE_ARGS, "").source(Source::DocFixture),
        rw("module_id", Text, "").source(Source::DocFixture),
        rw("semantic_version", Text, "").source(Source::DocFixture),
    ],
);

pub(crate) const RAM_WEIGHT: Table = Table::part(
    "bigstore_ram_weight",
    "How much of the memory a shard on flash gets.",
    &[needed("shard_uid", INT), needed("weight", Float)],
);

/// `master` or `slave`.
pub(crate) const ROLE: Kind = OneOf(&["master", "slave"]);

pub(crate) const BLUEPRINT_NODE: Table = Table::part(
    "blueprint_node",
    "Where a shard is to live.",
    &[needed("node_uid", Text), needed("role", ROLE)],
);

pub(crate) const BLUEPRINT: Table = Table::part(
    "blueprint",
    "Where the shards of a range of slots are to live.",
    &[
        needed("slot_range", Text),
        needed("nodes", ListOf(&Of(&BLUEPRINT_NODE))),
    ],
);

const LOCATION_TYPE: Field = needed("type", OneOf(&["url", "sftp", "s3", "gs", "abs", "mount_point"]));

#[rustfmt::skip]
pub(crate) const LOCATION: Table = Table::part("location", "Where backups and exports go. Which keys are needed follows from the type.", &[
    LOCATION_TYPE,
    rw("url", Text, ""),
    rw("sftp_url", Text, ""),
    rw("key", Text, ""),
    rw("bucket_name", Text, ""),
    rw("access_key_id", Text, ""),
    rw("secret_access_key", Text, ""),
    rw("region_name", Text, ""),
    rw("subdir", Text, ""),
    rw("client_id", Text, ""),
    rw("client_email", Text, ""),
    rw("private_key_id", Text, ""),
    rw("private_key", Text, ""),
    rw("container", Text, ""),
    rw("account_name", Text, ""),
    rw("account_key", Text, ""),
    rw("sas_token", Text, ""),
    rw("path", Text, ""),
]);

#[rustfmt::skip]
pub(crate) const IMPORT_SOURCE: Table = Table::part("dataset_import_source", "Where imports come from. Which keys are needed follows from the type.", &[
    LOCATION_TYPE,
    rw("url", Text, ""),
    rw("sftp_url", Text, ""),
    rw("key", Text, ""),
    rw("bucket_name", Text, ""),
    rw("access_key_id", Text, ""),
    rw("secret_access_key", Text, ""),
    rw("region_name", Text, ""),
    rw("subdir", Text, ""),
    rw("filename", Text, "").since(V7_8_6),
    rw("client_id", Text, ""),
    rw("client_email", Text, ""),
    rw("private_key_id", Text, ""),
    rw("private_key", Text, ""),
    rw("container", Text, ""),
    rw("account_name", Text, ""),
    rw("account_key", Text, ""),
    rw("sas_token", Text, ""),
    rw("path", Text, ""),
]);

#[rustfmt::skip]
pub(crate) const SYNCER_SOURCE: Table = Table::part("syncer_source", "A database to replicate from.", &[
    rw("uid", INT, ""),
    needed("uri", Text),
    rw("compression", Kind::Int(0, 6), ""),
    rw("encryption", Bool, ""),
    rw("client_cert", Text, ""),
    rw("client_key", Text, ""),
    rw("server_cert", Text, ""),
    rw("replication_tls_sni", Text, ""),
    ro("status", OneOf(&["out-of-sync", "syncing", "in-sync"])),
    ro("lag", INT),
    ro("last_error", Text),
    ro("last_update", Text),
    ro("rdb_size", COUNT),
    ro("rdb_transferred", COUNT),
]);

const FILTER_TYPE: Field = rw(
    "filter_type",
    OneOf(&["inclusive", "exclusive"]),
    r#""inclusive""#,
);

const USERNAME_FILTER: &[Field] = &[
    rw("enabled", Bool, "false"),
    rw("usernames", Texts, "[]"),
    FILTER_TYPE,
    rw("allow_while_username_unknown", Bool, "false"),
];

const SOURCE_IP_FILTER: &[Field] = &[
    rw("enabled", Bool, "false"),
    rw("ip_addresses", Texts, "[]"),
    rw("cidr_ranges", Texts, "[]"),
    FILTER_TYPE,
];

pub(crate) const AUDIT: Table = Table::part(
    "audit_settings",
    "What of a database's connections and commands is recorded.",
    &[
        rw(
            "audit_mode",
            OneOf(&["disabled", "connection", "connection_and_crud"]),
            r#""disabled""#,
        ),
        rw("username_filter", Kind::Nested(USERNAME_FILTER), ""),
        rw("source_ip_filter", Kind::Nested(SOURCE_IP_FILTER), ""),
        rw("max_total_key_bytes", COUNT, "131072"),
    ],
)
.since(V8_2_0);

const LIMIT: Kind = Kind::Either(&[Kind::Int(-1, -1), Kind::Int(1, i64::MAX)]);

pub(crate) const GRADUAL_SYNC: Table = Table::part(
    "gradual_sync_policy_parameters",
    "Limits of a full synchronisation; -1 for none, 0 is not allowed.",
    &[
        rw("src_endpoint_limit", LIMIT, "1"),
        rw("dst_endpoint_limit", LIMIT, "-1"),
        rw("dst_shard_limit", LIMIT, "-1"),
        rw("src_node_limit", LIMIT, "-1"),
    ],
)
.since(V8_2_0);

pub(crate) const QUERY_PERFORMANCE: Table = Table::part(
    "query_performance_factor",
    "Threads for queries.",
    &[
        rw("active", Bool, "false"),
        rw("scaling_factor", Kind::Int(0, 16), "0"),
    ],
)
.since(V8_0_20);

pub(crate) const TIMESERIES: Table = Table::part(
    "timeseries",
    "Configuration of time series.",
    &[
        rw("ts-num-threads", Kind::Int(1, 16), ""),
        rw("ts-compaction-policy", Text, ""),
        rw("ts-retention-policy", COUNT, "0"),
        rw(
            "ts-duplicate-policy",
            OneOf(&["BLOCK", "FIRST", "LAST", "MIN", "MAX", "SUM"]),
            r#""BLOCK""#,
        ),
        rw(
            "ts-encoding",
            OneOf(&["COMPRESSED", "UNCOMPRESSED"]),
            r#""COMPRESSED""#,
        ),
        rw("ts-chunk-size-bytes", Kind::Int(48, 1_048_576), "4096"),
        rw("ts-ignore-max-time-diff", COUNT, "0"),
        rw("ts-ignore-max-val-diff", Float, "0"),
    ],
)
.since(V8_0_20);

pub(crate) const PROBABILISTIC: Table = Table::part(
    "probabilistic",
    "Configuration of probabilistic structures.",
    &[
        rw("bf-error-rate", Kind::Fraction, "0.01"),
        rw("bf-initial-size", Kind::Int(1, 1_048_576), "100"),
        rw("bf-expansion-factor", Kind::Int(0, 32_768), "2"),
        rw("cf-initial-size", Kind::Int(1, 1_048_576), "1024"),
        rw("cf-bucket-size", Kind::Int(1, 255), "2"),
        rw("cf-max-iterations", Kind::Int(1, 65_535), "20"),
        rw("cf-expansion-factor", Kind::Int(0, 32_768), "1"),
        rw("cf-max-expansions", Kind::Int(1, 65_536), "32"),
    ],
)
.since(V8_0_20);

const FROM_ONE: Kind = Kind::Int(1, i64::MAX);
const U32: Kind = Kind::Int(0, 4_294_967_295);
const U32_FROM_ONE: Kind = Kind::Int(1, 4_294_967_295);

#[rustfmt::skip]
pub(crate) const SEARCH: Table = Table::part("search", "Configuration of search.", &[
    rw("search-timeout", FROM_ONE, "500"),
    rw("search-ext-load", Text, ""),
    rw("search-max-doctablesize", Kind::Unsigned(1), "1000000"),
    rw("search-friso-ini", Text, ""),
    rw("search-cursor-max-idle", FROM_ONE, "300000"),
    rw("search-partial-indexed-docs", COUNT, "0"),
    rw("search-gc-scan-size", FROM_ONE, "100"),
    rw("search-no-gc", Bool, "false"),
    rw("search-fork-gc-run-interval", FROM_ONE, "30"),
    rw("search-fork-gc-retry-interval", FROM_ONE, "5"),
    rw("search-fork-gc-clean-threshold", FROM_ONE, "100"),
    rw("search-vss-max-resize", U32, "0"),
    rw("search-union-iterator-heap", FROM_ONE, "20"),
    rw("search-min-phonetic-term-len", FROM_ONE, "3"),
    rw("search-multi-text-slop", U32_FROM_ONE, "100"),
    rw("search-raw-docid-encoding", Bool, "false"),
    rw("search-_print-profile-clock", Bool, "true"),
    rw("search-_free-resource-on-thread", Bool, "true"),
    rw("search-_numeric-compress", Bool, "false"),
    rw("search-bg-index-sleep-gap", U32_FROM_ONE, "100"),
    rw("search-_numeric-ranges-parents", Kind::Int(0, 2), "0"),
    rw("search-fork-gc-sleep-before-exit", COUNT, "0"),
    rw("search-no-mem-pools", Bool, "false"),
    rw("search-_prioritize-intersect-union-children", Bool, "false"),
    rw("search-conn-per-shard", COUNT, "0"),
    rw("search-cursor-reply-threshold", FROM_ONE, "1"),
    rw("search-threads", INT, ""),
    rw("search-default-dialect", Kind::Int(1, 4), "1"),
    rw("search-topology-validation-timeout", COUNT, "30000"),
    rw("search-workers", Kind::Int(0, 8192), "0"),
    rw("search-min-operation-workers", Kind::Int(0, 8192), "4"),
    rw("search-tiered-hnsw-buffer-limit", COUNT, "1024"),
    rw("search-workers-priority-bias-threshold", COUNT, "1"),
    rw("search-on-timeout", OneOf(&["RETURN", "FAIL"]), r#""RETURN""#),
    rw("search-min-prefix", FROM_ONE, "2"),
    rw("search-min-stem-len", Kind::Int(2, 4_294_967_295), "4"),
    rw("search-max-prefix-expansions", FROM_ONE, "200"),
    rw("search-max-search-results", COUNT, "1000000"),
    rw("search-max-aggregate-results", COUNT, "2147483648"),
    rw("search-io-threads", Kind::Int(1, 256), "1"),
    rw("search-enable-unstable-features", Bool, "false"),
    rw("search-index-cursor-limit", COUNT, "128"),
    rw("search-bm25std-tanh-factor", Kind::Int(1, 10_000), "4"),
    rw("search-indexer-yield-every-ops", U32_FROM_ONE, "1000"),
    rw("search-on-oom", OneOf(&["return", "fail", "ignore"]), r#""return""#),
    rw("search-default-scorer", OneOf(&["TFIDF", "BM25", "TFIDF.DOCNORM", "BM25STD", "BM25STD.TANH", "BM25STD.NORM", "DISMAX", "DOCSCORE", "HAMMING"]), r#""BM25STD""#),
    rw("search-_bg-index-mem-pct-thr", Kind::Int(0, 100), "100"),
    rw("search-_bg-index-oom-pause-time", U32, "5"),
    rw("search-bg-index-sleep-duration-us", Kind::Int(0, 999_999), "1"),
]).since(V8_0_20);

pub(crate) const CERTIFICATE: Table = Table::part(
    "bdb_certificate",
    "The certificate that a database's endpoint shows.",
    &[
        ro("bdb_uid", Text),
        ro("cert", Text),
        ro("not_before", Text),
        ro("not_after", Text),
    ],
)
.since(V8_0_20);

pub(crate) const SET_CERTIFICATE: Table = Table::part(
    "set_bdb_certificate",
    "A certificate for a database's endpoint.",
    &[
        Field::new("cert", Text, "", Access::Write),
        Field::new("private_key", Text, "", Access::Write),
    ],
)
.since(V8_0_20);
