//! Modules that users bring, proxies, and alerts of databases.

use super::{Access, COUNT, Field, Kind, Source};

const fn rw(name: &'static str, kind: Kind, default: &'static str) -> Field {
    Field::new(name, kind, default, Access::CreateUpdate)
}

/// `POST /v2/modules/user-defined`
pub(crate) const USER_DEFINED: &[Field] = &[
    rw("module_name", Kind::Text, ""),
    rw("version", COUNT, ""),
    rw("semantic_version", Kind::Text, ""),
    rw("display_name", Kind::Text, r#""""#),
    rw("commands", Kind::List, "[]"),
    rw("command_line_args", Kind::Text, r#""""#),
    rw("config_command", Kind::Text, r#""""#),
    rw("capabilities", Kind::Texts, "[]"),
    rw("min_redis_version", Kind::Text, r#""""#),
    rw("min_redis_pack_version", Kind::Text, r#""""#),
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
    captured("incoming_connections_capacity", COUNT, "0"),
    captured("incoming_connections_min_capacity", COUNT, "10"),
    captured("incoming_connections_rate_limit", COUNT, "0"),
    captured("ignore_bdb_cconn_limit", Kind::Bool, "false"),
    captured("ignore_bdb_cconn_output_buff_limits", Kind::Bool, "false"),
    captured("client_eviction", Kind::Bool, "false"),
    captured("maxmemory_clients", COUNT, "4294967296"),
    captured("log_level", Kind::Text, r#""info""#),
    captured("corefile", Kind::Bool, "false"),
];

/// Body of `POST /v1/bdbs/alerts/{uid}`, alert by alert.
pub(crate) const ALERT_SETTING: &[Field] = &[
    rw("enabled", Kind::Bool, "false"),
    rw("threshold", Kind::Text, r#""""#),
];
