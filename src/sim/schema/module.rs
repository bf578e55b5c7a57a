//! Modules, those that users bring, and proxies.

use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20};

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::CreateUpdate)
}

/// What the upgrade of modules answers.
pub(crate) const UPGRADED: Table = Table::part(
    "upgraded_module",
    "The module that a database was upgraded to; `uid` and `name` are the database's.",
    &[
        Field::new("uid", COUNT, "", Access::Read),
        Field::new("name", Kind::Text, "", Access::Read),
        Field::new("module_id", Kind::Text, "", Access::Read),
        Field::new("module_name", Kind::Text, "", Access::Read),
        Field::new("semantic_version", Kind::Text, "", Access::Read),
        Field::new("action_uid", Kind::Text, "", Access::Read).source(Source::Inferred),
    ],
);

/// A command that a module adds.
const COMMAND: &[Field] = &[
    rw("command_name", Kind::Text, ""),
    rw("command_arity", INT, ""),
    rw("first_key", INT, ""),
    rw("last_key", INT, ""),
    rw("step", INT, ""),
    rw("flags", Kind::Texts, ""),
];

const COMMANDS: Kind = Kind::ListOf(&Kind::Nested(COMMAND));

/// `POST /v2/modules/user-defined`
pub(crate) const USER_DEFINED: &[Field] = &[
    rw("module_name", Kind::Text, "").needed(),
    rw("version", COUNT, "").needed(),
    rw("semantic_version", Kind::Text, "").needed(),
    rw("display_name", Kind::Text, r#""""#).needed(),
    rw("commands", COMMANDS, "[]").needed(),
    rw("command_line_args", Kind::Text, r#""""#).needed(),
    rw("config_command", Kind::Text, r#""""#),
    rw("capabilities", Kind::Texts, "[]").needed(),
    rw("min_redis_version", Kind::Text, r#""""#).needed(),
    rw("min_redis_pack_version", Kind::Text, r#""""#),
    rw("capability_name", Kind::Text, ""),
    rw("compatible_redis_version", Kind::Text, "").since(V7_8_6),
    rw("bigstore_version_2_support", Kind::Bool, "").since(V7_22_2),
    rw("crdb", Kind::Object, ""),
    rw("dependencies", Kind::Object, ""),
    rw("module_file", Kind::Text, ""),
    rw("sha256", Kind::Text, ""),
    rw("architecture", Kind::Text, "").until(V8_0_20),
    rw("author", Kind::Text, r#""""#),
    rw("description", Kind::Text, r#""""#),
    rw("email", Kind::Text, r#""""#),
    rw("homepage", Kind::Text, r#""""#),
    rw("license", Kind::Text, r#""""#),
    Field::new("uid", Kind::Text, "", Access::Read),
];

const fn captured(name: &'static str, kind: Kind, default: &'static str) -> Field {
    rw(name, kind, default).source(Source::DocFixture)
}

/// `proxy` of `/v1/proxies/{uid}`
#[rustfmt::skip]
pub(crate) const PROXY: &[Field] = &[
    Field::new("uid", COUNT, "", Access::Read),
    captured("threads", Kind::Int(1, 256), "3"),
    captured("max_threads", Kind::Int(1, 256), "8"),
    captured("dynamic_threads_scaling", Kind::Bool, "true"),
    captured("threads_usage_threshold", Kind::Int(50, 99), "80"),
    captured("duration_usage_threshold", Kind::Int(10, 300), "30"),
    captured("conns", COUNT, "500000"),
    captured("backlog", COUNT, "1024"),
    captured("max_listeners", COUNT, "1024"),
    captured("max_servers", COUNT, "4096"),
    captured("client_keepidle", COUNT, "180"),
    captured("client_keepintvl", COUNT, "30"),
    captured("client_keepcnt", COUNT, "6"),
    captured("max_worker_client_conns", COUNT, "16384"),
    captured("max_worker_server_conns", COUNT, "16384"),
    captured("max_worker_txns", COUNT, "65536"),
    captured("incoming_connections_capacity", COUNT, "0").since(V7_22_2),
    captured("incoming_connections_min_capacity", COUNT, "10").since(V7_22_2),
    captured("incoming_connections_rate_limit", COUNT, "0").since(V7_22_2),
    captured("ignore_bdb_cconn_limit", Kind::Bool, "false"),
    captured("ignore_bdb_cconn_output_buff_limits", Kind::Bool, "false"),
    rw("client_eviction", Kind::Bool, "false").since(V7_22_2).until(V8_0_20),
    // The capture with false is older than the build that turned it on (rs-8-0-20-44).
    rw("client_eviction", Kind::Bool, "true").since(V8_0_20),
    captured("maxmemory_clients", COUNT, "4294967296").since(V7_22_2),
    captured("log_level", Kind::OneOf(&["crit", "error", "warn", "info", "trace", "debug"]), r#""info""#),
    captured("corefile", Kind::Bool, "false"),
];

pub(crate) const PROXY_TABLE: Table = Table::new("proxy", "The proxy of a node.", PROXY);

pub(crate) const SET_PROXY: Table = Table::part(
    "set_proxy",
    "New settings for proxies.",
    &[
        Field::new("proxy", Kind::Of(&PROXY_TABLE), "", Access::Write).needed(),
        Field::new("allow_restart", Kind::Bool, "", Access::Write),
    ],
);

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read).source(Source::DocFixture)
}

#[rustfmt::skip]
const FIELDS: &[Field] = &[
    ro("uid", Kind::Text),
    ro("action_uid", Kind::Text).source(Source::Doc).until(V8_0_20),
    ro("architecture", Kind::Text).source(Source::Doc).until(V8_0_20),
    ro("author", Kind::Text),
    ro("bigstore_version_2_support", Kind::Bool).since(V7_22_2),
    ro("capabilities", Kind::Texts),
    ro("capability_name", Kind::Text),
    ro("command_line_args", Kind::Text),
    ro("commands", COMMANDS).source(Source::Doc),
    ro("compatible_redis_version", Kind::Text).since(V7_8_6),
    ro("config_command", Kind::Text),
    ro("crdb", Kind::Object),
    ro("dependencies", Kind::Object),
    ro("description", Kind::Text),
    ro("display_name", Kind::Text),
    ro("email", Kind::Text),
    ro("homepage", Kind::Text),
    ro("is_bundled", Kind::Bool),
    ro("license", Kind::Text),
    ro("min_redis_pack_version", Kind::Text).source(Source::Doc).until(V8_0_20),
    ro("min_redis_version", Kind::Text),
    ro("module_file", Kind::Text).source(Source::Doc),
    ro("module_name", Kind::Text),
    ro("platforms", Kind::Object).source(Source::Doc).until(V8_0_20),
    ro("semantic_version", Kind::Text),
    ro("sha256", Kind::Text).source(Source::Doc),
    ro("version", COUNT),
];

pub(crate) const TABLE: Table = Table::new("module", "A module.", FIELDS);

pub(crate) const USER_DEFINED_TABLE: Table = Table::new(
    "module_metadata",
    "The description of a module that a user brings.",
    USER_DEFINED,
);

/// What `module.json` says in a package for one node, as far as it is read.
pub(crate) const PACKAGED: Table = Table::part(
    "module_json",
    "The description of a module in its package.",
    &[
        rw("module_name", Kind::Text, "").needed(),
        rw("version", COUNT, "").needed(),
        rw("semantic_version", Kind::Text, "").needed(),
        rw("min_redis_version", Kind::Text, "").needed(),
        rw("commands", COMMANDS, "").needed(),
        rw("capabilities", Kind::Texts, "").needed(),
        rw("dependencies", Kind::Either(&[Kind::Object, Kind::Texts]), ""),
    ],
)
.since(V8_0_20);

pub(crate) const ARTIFACT: Table = Table::part(
    "artifact",
    "A package that lies on a node.",
    &[
        ro("module_name", Kind::Text).source(Source::Doc),
        ro("version", COUNT).source(Source::Doc),
        ro("dependencies", Kind::Texts).source(Source::Doc),
    ],
)
.since(V8_0_20);

const MODULE_ARGS: &[Field] = &[
    Field::new("module_name", Kind::Text, "", Access::Write).needed(),
    Field::new("module_args", Kind::Text, "", Access::Write).needed(),
];

pub(crate) const CONFIGURE: Table = Table::part(
    "module_config",
    "New arguments for modules of a database.",
    &[Field::new(
        "modules",
        Kind::ListOf(&Kind::Nested(MODULE_ARGS)),
        "",
        Access::Write,
    )
    .needed()],
);
