//! Everything that runs or ran: tasks, state machines, actions of nodes and of the cluster, and what starts them.

use super::{Access, COUNT, Field, INT, Kind, Source, Table};
use crate::sim::version::Profile::{V7_8_6, V7_22_2};
use Kind::{Bool, Either, Float, ListOf, MapOf, Object, Of, OneOf, Text, Texts};

const fn rw(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Write)
}

const fn ro(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, "", Access::Read)
}

const TASK_STATUS: Kind = OneOf(&[
    "queued",
    "starting",
    "running",
    "cancelling",
    "cancelled",
    "aborted",
    "completed",
    "failed",
]);

const TASK_ID: Field = ro("task_id", Text);
const NAME: Field = ro("name", Text);
const STATUS: Field = ro("status", TASK_STATUS);
const PROGRESS: Field = ro("progress", Float);
const ERROR_CODE: Field = ro("error_code", Text);
const ERROR_MESSAGE: Field = ro("error_message", Text);
const NODE_UID: Field = ro("node_uid", Text);

pub(crate) const ACTION: Table = Table::new(
    "action",
    "A task: an action of a node or of the cluster.",
    &[
        NAME,
        NODE_UID,
        TASK_ID,
        STATUS,
        PROGRESS,
        ERROR_CODE,
        ERROR_MESSAGE,
    ],
);

/// `{"actions": [...]}`
pub(crate) const ACTIONS: Kind = Kind::Nested(&[ro("actions", ListOf(&Of(&ACTION)))]);

/// What the calls that start a task answer.
pub(crate) const STARTED: Kind = Kind::Nested(&[STATUS, TASK_ID]);

pub(crate) const TASK_V1: Table = Table::part(
    "task",
    "A task in `/v1/actions`. Captures show its numbers as text.",
    &[
        ro("action_uid", Text).source(Source::Fixture),
        ro("creation_time", Either(&[Text, INT])).source(Source::Fixture),
        NAME.source(Source::DocFixture),
        NODE_UID.source(Source::DocFixture),
        ro("progress", Either(&[Text, Float])).source(Source::DocFixture),
        STATUS.source(Source::DocFixture),
        TASK_ID.source(Source::DocFixture),
        ERROR_CODE,
        ERROR_MESSAGE,
    ],
);

pub(crate) const PENDING_OP: Table = Table::part(
    "pending_op",
    "What a state machine waits for at a shard.",
    &[
        ro("op_name", Text),
        ro("status_code", Text),
        ro("status_description", Text),
        ro("progress", Float),
        ro("heartbeat", INT),
        ro("last_sample_time", Float),
        ro("snapshot", Object),
    ],
);

const PENDING_OPS: Kind = MapOf(&Of(&PENDING_OP));

pub(crate) const STATE_MACHINE: Table = Table::new(
    "state-machine",
    "What a change of a database or an account sets off.",
    &[
        ro("action_uid", Text).source(Source::DocFixture),
        ro("object_name", Text).source(Source::DocFixture),
        ro("status", OneOf(&["pending", "active", "completed", "failed"])).source(Source::DocFixture),
        ro("name", Text).source(Source::DocFixture),
        ro("state", Text),
        ro("error", Text),
        PROGRESS,
        ro("heartbeat", INT).source(Source::DocFixture),
        ro("pending_ops", PENDING_OPS),
    ],
);

/// `GET /v1/actions`
pub(crate) const ALL_V1: Kind = Kind::Nested(&[
    ro("actions", ListOf(&Of(&TASK_V1))),
    ro("state-machines", ListOf(&Of(&STATE_MACHINE))),
]);

/// `GET /v1/actions/{uid}`
pub(crate) const ONE_V1: Kind = Either(&[Of(&TASK_V1), Of(&STATE_MACHINE)]);

const INFO: &[Field] = &[
    ro("description", Text),
    ro("error", Text),
    ro("object_type", Text),
    ro("object_uid", Text),
    ro("pending_ops", PENDING_OPS),
];

pub(crate) const ACTION_V2: Table = Table::part(
    "action_v2",
    "A task or a state machine in `/v2/actions`.",
    &[
        ro("action_type", OneOf(&["task", "state-machine", "other"])),
        ro("action_uid", Text),
        NAME,
        ro("status", OneOf(&["queued", "running", "completed", "failed"])),
        ro("creation_time", INT),
        PROGRESS,
        ro("additional_info", Kind::Nested(INFO)),
    ],
)
.since(V7_22_2);

pub(crate) const REMOVE: Table = Table::part(
    "remove",
    "Takes a node out of the cluster.",
    &[rw("wait_for_persistence", Bool)],
);

pub(crate) const MAINTENANCE_ON: Table = Table::part(
    "maintenance_on",
    "Takes shards and endpoints off a node for a while.",
    &[
        rw("overwrite_snapshot", Bool),
        rw("evict_ha_replica", Bool),
        rw("evict_active_active_replica", Bool),
        rw("evict_dbs", Texts),
        rw("keep_slave_shards", Bool),
    ],
);

pub(crate) const MAINTENANCE_OFF: Table = Table::part(
    "maintenance_off",
    "Puts back what was on a node.",
    &[rw("snapshot_name", Text), rw("skip_shards_restore", Bool)],
);

pub(crate) const ENSLAVE_NODE: Table = Table::part(
    "enslave_node",
    "Makes a node a follower. It takes no fields.",
    &[],
);

pub(crate) const CHANGE_MASTER: Table = Table::part(
    "change_master",
    "Makes a node the leader.",
    &[rw("node_uid", Text).needed()],
);

/// What calls that start a state machine answer.
pub(crate) const ACTION_UID: Kind = Kind::Nested(&[ro("action_uid", Text)]);

pub(crate) const SHARD_ACTION: Table = Table::part(
    "shard_action",
    "What became of a failover or a migration.",
    &[ro("action_uid", Text), ro("description", Text)],
)
.since(V7_8_6);

pub(crate) const FAILOVER: Table = Table::part(
    "failover",
    "Lets replicas take the place of their masters.",
    &[
        rw("shard_uids", Texts),
        rw("dead_uid", Text),
        rw("dead_uids", Texts),
        rw("dead_nodes", Texts),
        rw("dry_run", Bool),
        rw("force_rebind", Bool),
        rw("redis_version_upgrade", Text),
    ],
)
.since(V7_8_6);

pub(crate) const MIGRATE: Table = Table::part(
    "migrate",
    "Moves shards to a node.",
    &[
        rw("shard_uids", Texts),
        rw("target_node_uid", COUNT),
        rw("override_rack_policy", Bool),
        rw("preserve_roles", Bool),
        rw("dry_run", Bool),
        rw("max_concurrent_bdb_migrations", Kind::Int(1, i64::MAX)),
    ],
)
.since(V7_8_6);
