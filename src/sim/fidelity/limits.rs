//! What the simulator leaves out, and where sources differ without a switch.

/// What is simulated only so far, or not at all.
pub(super) const LIMITS: &[(&str, &str)] = &[
    (
        "Active-Active databases",
        "every path answers 501 `unsupported_resource`; with the switch `crdb-lists-empty` the lists are empty instead; the cluster does not show the maps of what it supports (`crdt_supported_*_map`)",
    ),
    (
        "Clusters with nodes of several versions",
        "all nodes have the profile's version unless the world's author sets another",
    ),
    (
        "Ports of the REST API",
        "`cnm_http_port` and `cnm_https_port` are only kept: the nodes listen where the flags say, without TLS only with `--http-port` and while `http_support` is on; a node in no cluster does as a new cluster would",
    ),
    (
        "Cipher suites of the REST API",
        "of what `control_cipher_suites` names, nodes have those with ECDHE and AES-GCM or CHACHA20-POLY1305; a list with none of them leaves TLS 1.3 only",
    ),
    (
        "Scheduled work",
        "rotation of logs and usage reports have their settings and never run",
    ),
    (
        "Periodic backups",
        "nothing is written: one fails while a master is down, and for a location that lacks what its type needs or that the machine's author closed; the time of the first without `backup_interval_offset` follows from the database's uid; of cron expressions of the job only `*/N * * * *` counts, else five minutes; `backup_history` and `max_simultaneous_backups` are only kept",
    ),
    (
        "Times of alerts",
        "`change_time` and `active_since` are exact for nodes that join, leave, fail or come back and for databases that are filled; of what goes on or off otherwise they are the time of the next look",
    ),
    (
        "History of statistics",
        "every interval shows the figures of the present state; what traffic would move is zero",
    ),
    (
        "INFO of shards",
        "`extra_info_keys` finds what follows from the world and the counters, which are zero; of the process itself (its id, port, build, allocator) and of commands and keys there is nothing",
    ),
    (
        "Directories, single sign-on, OCSP",
        "settings are kept and checked; nobody is asked: no login comes from a directory or an identity provider, and a responder that the proxy certificate names always says GOOD",
    ),
    (
        "Services",
        "a stopped service shows as stopped and fails its node's check; without `cnm_http` or `envoy` the node's REST API is gone, without `ccs` the cluster loses the node; what the others did is still done",
    ),
    (
        "Time zones",
        "`timezone` of the Cluster Manager is anything that looks like the name of one",
    ),
    ("Migrations and the witness disk", "there never is one"),
    (
        "Modules",
        "packages are read for their description; no module code is kept or run",
    ),
    (
        "Data of recovered databases",
        "their size is that of the files; with `--data-plane` their servers begin empty",
    ),
    (
        "Failover of shards",
        "nothing shows which processes were stopped: what `dead_uid` and `dead_uids` name must exist, and is treated as all others; endpoints follow their masters when the failover ends, with `force_rebind` at once",
    ),
    (
        "Migration of shards",
        "shards are on their new node as soon as the call is accepted; `max_concurrent_bdb_migrations` decides how long the databases are busy",
    ),
    (
        "Persistence during a revamp",
        "`pause_persistence` is accepted and changes nothing: files are as old as the data without it",
    ),
    (
        "Roles after an upgrade of a database",
        "`swap_roles`, which only an example has, is accepted and changes nothing: roles are swapped unless `preserve_roles` is set",
    ),
    (
        "Modules that a bootstrap names",
        "packages are not fetched: a module has the name that the request gives it and the version at the end of its file's name, else 1.0.0; only what is no address cannot be fetched, and databases that need the modules are not looked at",
    ),
    (
        "Retries of a bootstrap",
        "only `connect_error` counts as recoverable; each wait lasts `retry_time`, else 5 seconds",
    ),
    ("Commands to a database", "`PING` and `DBSIZE` only"),
    (
        "Events of the log",
        "none for alerts that turn on or off nor for errors of replication; none says who made a change",
    ),
    (
        "Shards, with `--data-plane`",
        "one `redis-server`, and one for the replica, stand for all shards of a database; they lose power with the machines of the shards that have the first slots",
    ),
    (
        "OSS Cluster API, with `--data-plane`",
        "a database with `oss_cluster` answers as one server, and `CLUSTER` commands with an error",
    ),
    (
        "Who may connect, with `--data-plane`",
        "the default user only, no users of the cluster; client certificates must be listed or signed by a listed one, whatever `client_cert_subject_validation_type` says",
    ),
    (
        "Time, with `--data-plane`",
        "the servers go by the machine's clock: expiry of keys and snapshots know nothing of simulated time",
    ),
    (
        "Data across restarts and recoveries, with `--data-plane`",
        "`--state-file` and `recover_cluster` bring databases back, not what was in them",
    ),
    (
        "Memcached, modules and flash, with `--data-plane`",
        "Memcached databases are not served; what modules and flash add is not there",
    ),
    ("Archives for support", "a gzipped tar file with one line of text"),
    (
        "Usage report",
        "the end with the MD5 is as documented, the lines before it have fields of our choice",
    ),
];

/// Where sources differ and no switch chooses: the doubt, and what holds.
pub(super) const UNSWITCHED: &[(&str, &str)] = &[
    (
        "the sample that creates an Active-Active database gives its clusters URLs with `http` and port 9443",
        "Active-Active databases are left out",
    ),
    (
        "`dns_suffixes` of a bootstrap is an object in the table and a list in use",
        "both are taken",
    ),
    (
        "`module_args` of a new database is a list in the table of the object and a text in captures and on other pages",
        "both are taken; `types-as-documented` says how they are shown",
    ),
    (
        "`password_hash_method` is a text in the table of the object and a number in the API schema",
        "both are taken",
    ),
    (
        "sizes and statistics are numbers as documented and always have a fraction (`0.0`) as captured",
        "as captured, which is a number too",
    ),
    (
        "limits of the trial licence by type of shard are null as captured and integers as documented",
        "null: no number is documented",
    ),
    (
        "406 of the deletion of an LDAP mapping stands on its page and not in the API schema",
        "never answered: no occasion is documented",
    ),
    (
        "`saslauthd` is a service to turn off on the page about freeing memory and none in the object and in the list of rladmin",
        "there is no such service, as the object has it",
    ),
    (
        "an update of a role that leaves `resources` out returns it to the whole cluster on the page about roles, and names only what changes on the page of the call",
        "the scope stays; an empty list ends it",
    ),
];
