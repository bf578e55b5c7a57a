//! Spreading masters over the nodes of a database by failovers alone: no shard leaves its node.

use super::{Role, Shard, Shards, Strategy};
use crate::sim::ids::{BdbUid, NodeUid, ShardUid};

impl Shards {
    /// Turns at most `most` pairs of master and replica, each time the one that helps most: a sparse database wants its
    /// masters on as many nodes as possible, a dense one on as few. Gives the masters that became replicas.
    pub(crate) fn balance(&mut self, bdb: BdbUid, strategy: Strategy, most: u64) -> Vec<ShardUid> {
        let mut turned = Vec::new();
        while u64::try_from(turned.len()).is_ok_and(|count| count < most) {
            let Some(master) = self.worst(bdb, strategy) else {
                break;
            };
            self.failover(master);
            turned.push(master);
        }
        turned
    }

    /// The master whose failover helps most, if one helps at all.
    fn worst(&self, bdb: BdbUid, strategy: Strategy) -> Option<ShardUid> {
        let masters = || self.of(bdb).filter(|shard| shard.role == Role::Master);
        let held = |node: NodeUid| masters().filter(|master| master.node == node).count();
        let gain = |master: &Shard| {
            let mut pair = self.of(bdb).filter(|shard| shard.slots == master.slots);
            let replica = pair.find(|shard| shard.role == Role::Slave && shard.up)?;
            let (here, there) = (held(master.node), held(replica.node));
            let gain = match strategy {
                Strategy::Sparse => here.checked_sub(there + 1),
                Strategy::Dense => (there + 1).checked_sub(here),
            };
            gain.filter(|gain| *gain > 0)
        };
        let gains = masters().filter_map(|master| Some((gain(master)?, master.uid)));
        gains
            .max_by_key(|(gain, uid)| (*gain, std::cmp::Reverse(*uid)))
            .map(|(_, uid)| uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::placement::{Demand, Host, Rules};

    /// Four pairs on two nodes, all masters on node 1.
    fn lopsided() -> Shards {
        let host = |uid| Host {
            uid: NodeUid(uid),
            address: format!("10.0.0.{uid}"),
            rack_id: String::new(),
            second_rack_id: String::new(),
            accepts_shards: true,
            alive: true,
            max_shards: 100,
            max_listeners: 100,
            memory_bytes: 1 << 35,
            flash_bytes: 0,
        };
        let demand = Demand {
            masters: 4,
            replicated: true,
            shard_memory_bytes: 1 << 20,
            flash: false,
            slots: (0, 16383),
        };
        let mut shards = Shards::default();
        let hosts = [host(1), host(2)];
        shards
            .shape(BdbUid(1), &hosts, &Rules::default(), demand)
            .unwrap();
        for part in 0..4 {
            shards.place(BdbUid(1), demand.slots_of(part).0, Role::Slave, NodeUid(2));
            shards.place(BdbUid(1), demand.slots_of(part).0, Role::Master, NodeUid(1));
        }
        shards
    }

    fn masters_on(shards: &Shards, node: u64) -> usize {
        let on = shards.on(NodeUid(node));
        on.filter(|shard| shard.role == Role::Master).count()
    }

    #[test]
    fn a_sparse_database_spreads_its_masters_and_moves_nothing() {
        let mut shards = lopsided();
        let before: Vec<_> = shards.iter().map(|shard| (shard.uid, shard.node)).collect();
        assert_eq!(shards.balance(BdbUid(1), Strategy::Sparse, 4).len(), 2);
        assert_eq!((masters_on(&shards, 1), masters_on(&shards, 2)), (2, 2));
        let after: Vec<_> = shards.iter().map(|shard| (shard.uid, shard.node)).collect();
        assert_eq!(before, after);
        assert_eq!(shards.balance(BdbUid(1), Strategy::Dense, 4).len(), 2);
        assert_eq!(masters_on(&shards, 1).max(masters_on(&shards, 2)), 4);
    }

    #[test]
    fn no_more_pairs_turn_than_are_asked_for() {
        for (most, turned) in [(0, 0), (1, 1), (9, 2)] {
            let mut shards = lopsided();
            assert_eq!(
                shards.balance(BdbUid(1), Strategy::Sparse, most).len(),
                turned,
                "{most}"
            );
        }
    }

    #[test]
    fn what_is_balanced_stays_as_it_is() {
        let mut shards = lopsided();
        assert_eq!(shards.balance(BdbUid(1), Strategy::Dense, 4), Vec::new());
    }
}
