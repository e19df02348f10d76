//! What needs what: closures over packages, who pulled in whom, what would go if one had not been asked for.

use super::{OwnerId, Owners};
use crate::layer::entry::NodeId;

/// What is known of an owner beside its sums.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    /// What it cannot be without: of alternatives the one that is there.
    pub(crate) needs: Vec<OwnerId>,
    /// What it only recommends.
    pub(crate) recommends: Vec<OwnerId>,
    /// The database's word for what it is for: `devel`, `editors` …
    pub(crate) section: String,
    /// Whether it must stay, whoever needs it.
    pub(crate) is_essential: bool,
    /// Whether the base image has a package of this name.
    pub(crate) in_base: bool,
    /// The folder that is its own, where it has one.
    pub(crate) top: Option<NodeId>,
}

/// A set of owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set(Vec<bool>);

impl Set {
    pub(crate) fn has(&self, id: OwnerId) -> bool {
        self.0.get(id as usize).copied().unwrap_or(false)
    }

    pub(crate) fn insert(&mut self, id: OwnerId) -> bool {
        !std::mem::replace(&mut self.0[id as usize], true)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = OwnerId> {
        (0u32..).zip(&self.0).filter(|(_, is_in)| **is_in).map(|(id, _)| id)
    }
}

impl Owners {
    pub(crate) fn empty_set(&self) -> Set {
        Set(vec![false; self.packages.len()])
    }

    /// Returns the owners in `roots` and all that they need.
    pub(crate) fn closure(&self, roots: impl IntoIterator<Item = OwnerId>) -> Set {
        let mut set = self.empty_set();
        let mut waiting: Vec<OwnerId> = roots.into_iter().collect();
        while let Some(id) = waiting.pop() {
            if set.insert(id) {
                waiting.extend(&self.packages[id as usize].needs);
            }
        }
        set
    }

    /// Returns the system's packages that are there by themselves: asked for, or essential.
    pub(crate) fn system_roots(&self) -> Vec<OwnerId> {
        let ids = (0u32..).zip(self.list.iter().zip(&self.packages));
        ids.filter(|(_, (owner, package))| {
            owner.kind.is_system() && (owner.asked_for != Some(false) || package.is_essential)
        })
        .map(|(id, _)| id)
        .collect()
    }
}

/// Fills in who pulled in whom, and what would go with whom.
pub(super) fn explain(owners: &mut Owners) {
    pulled_in(owners);
    exclusive(owners);
}

/// Walks from what was asked for, the base image's first, by needs and then by recommendations.
fn pulled_in(owners: &mut Owners) {
    let count = owners.list.len();
    let mut parent: Vec<Option<(OwnerId, bool)>> = vec![None; count];
    let mut seen = owners.empty_set();
    let mut roots: Vec<OwnerId> =
        (0u32..).zip(&owners.list).filter(|(_, owner)| owner.asked_for == Some(true)).map(|(id, _)| id).collect();
    roots.sort_by_key(|id| !owners.packages[*id as usize].in_base);
    for id in &roots {
        seen.insert(*id);
    }
    let mut order = roots;
    let mut at = 0;
    // Recommendations are looked at once all needs are followed, and what they bring is followed the same way.
    let mut recommending = 0;
    loop {
        while at < order.len() {
            let id = order[at];
            at += 1;
            for need in &owners.packages[id as usize].needs {
                if seen.insert(*need) {
                    parent[*need as usize] = Some((id, false));
                    order.push(*need);
                }
            }
        }
        let Some(id) = order.get(recommending).copied() else { break };
        recommending += 1;
        for other in &owners.packages[id as usize].recommends {
            if seen.insert(*other) {
                parent[*other as usize] = Some((id, true));
                order.push(*other);
            }
        }
    }
    for id in order {
        let mut chain = Vec::new();
        let mut next = parent[id as usize];
        let is_recommended = next.is_some_and(|(_, is_recommended)| is_recommended);
        while let Some((above, _)) = next.filter(|_| chain.len() < 64) {
            chain.push(owners.list[above as usize].name.clone());
            next = parent[above as usize];
        }
        chain.reverse();
        let owner = &mut owners.list[id as usize];
        owner.because = chain;
        owner.is_recommended = is_recommended;
    }
}

/// Computes for each package that was asked for the bytes that only it brings: what it dominates in the graph of needs.
fn exclusive(owners: &mut Owners) {
    let count = owners.list.len();
    let roots: Vec<OwnerId> = (0u32..)
        .zip(owners.list.iter().zip(&owners.packages))
        .filter(|(_, (owner, package))| owner.asked_for == Some(true) || package.is_essential)
        .map(|(id, _)| id)
        .collect();
    let tree = Dominators::of(owners, &roots);
    let mut sums: Vec<u64> = owners.list.iter().map(|owner| owner.live_bytes).collect();
    for id in tree.order.iter().rev() {
        if let Some(above) = tree.above[*id as usize].filter(|above| (*above as usize) < count) {
            sums[above as usize] += sums[*id as usize];
        }
    }
    for id in roots {
        if owners.list[id as usize].asked_for != Some(true) {
            continue;
        }
        // Asked for or not, it stays where something else needs it.
        let is_needed = tree.needed_by[id as usize].iter().any(|other| !tree.is_below(*other, id));
        let is_needed = is_needed || owners.packages[id as usize].is_essential;
        owners.list[id as usize].exclusive_bytes = Some(if is_needed { 0 } else { sums[id as usize] });
    }
}

/// Who cannot be reached without whom, from one root above all roots. The method is Cooper, Harvey and Kennedy's.
struct Dominators {
    /// The nearest one that dominates it; the number behind the last owner is the root above all.
    above: Vec<Option<OwnerId>>,
    /// Reverse postorder, without the root.
    order: Vec<OwnerId>,
    needed_by: Vec<Vec<OwnerId>>,
    rank: Vec<u32>,
}

impl Dominators {
    fn of(owners: &Owners, roots: &[OwnerId]) -> Self {
        let count = owners.list.len();
        let top = u32::try_from(count).unwrap_or(u32::MAX);
        let order = reverse_postorder(owners, roots);
        let mut rank = vec![u32::MAX; count + 1];
        rank[count] = 0;
        for (at, id) in (1..).zip(&order) {
            rank[*id as usize] = at;
        }
        let mut needed_by: Vec<Vec<OwnerId>> = vec![Vec::new(); count];
        for id in &order {
            for need in &owners.packages[*id as usize].needs {
                needed_by[*need as usize].push(*id);
            }
        }
        let mut above: Vec<Option<OwnerId>> = vec![None; count + 1];
        above[count] = Some(top);
        let mut is_root = vec![false; count];
        for id in roots {
            is_root[*id as usize] = true;
        }
        let mut changed = true;
        while changed {
            changed = false;
            for id in &order {
                let mut new = is_root[*id as usize].then_some(top);
                for from in needed_by[*id as usize].iter().filter(|from| above[**from as usize].is_some()) {
                    new = Some(new.map_or(*from, |known| meet(&above, &rank, known, *from)));
                }
                if above[*id as usize] != new {
                    above[*id as usize] = new;
                    changed = true;
                }
            }
        }
        Dominators { above, order, needed_by, rank }
    }

    /// Says whether every way to `id` leads through `other`.
    fn is_below(&self, id: OwnerId, other: OwnerId) -> bool {
        let mut id = id;
        while self.rank[id as usize] > self.rank[other as usize] {
            let Some(above) = self.above[id as usize] else { return false };
            id = above;
        }
        id == other
    }
}

fn meet(above: &[Option<OwnerId>], rank: &[u32], one: OwnerId, other: OwnerId) -> OwnerId {
    let (mut one, mut other) = (one, other);
    while one != other {
        let higher = if rank[one as usize] > rank[other as usize] { &mut one } else { &mut other };
        match above[*higher as usize] {
            Some(next) => *higher = next,
            None => return one,
        }
    }
    one
}

fn reverse_postorder(owners: &Owners, roots: &[OwnerId]) -> Vec<OwnerId> {
    let mut seen = owners.empty_set();
    let mut order = Vec::new();
    for root in roots {
        if !seen.insert(*root) {
            continue;
        }
        let mut stack = vec![(*root, 0)];
        while let Some((id, next)) = stack.last_mut() {
            if let Some(need) = owners.packages[*id as usize].needs.get(*next) {
                *next += 1;
                if seen.insert(*need) {
                    stack.push((*need, 0));
                }
            } else {
                order.push(*id);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::super::{Owner, OwnerKind};
    use super::*;

    fn owners(needs: &[&[u32]], asked: &[u32]) -> Owners {
        let mut owners = Owners::default();
        for (id, needs) in (0u32..).zip(needs) {
            owners.list.push(Owner {
                asked_for: Some(asked.contains(&id)),
                live_bytes: 1 << id,
                ..Owner::new(OwnerKind::Dpkg, &id.to_string(), "1")
            });
            owners.packages.push(Package { needs: needs.to_vec(), ..Package::default() });
        }
        owners
    }

    /// What goes when one is not asked for, found by walking twice.
    fn by_hand(owners: &Owners, asked: &[u32], id: u32) -> u64 {
        let all = owners.closure(asked.iter().copied());
        let rest = owners.closure(asked.iter().copied().filter(|other| *other != id));
        all.iter().filter(|id| !rest.has(*id)).map(|id| owners.list[id as usize].live_bytes).sum()
    }

    #[test]
    fn what_goes_with_a_package_is_what_only_it_brings() {
        let mut seed = 1u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..500 {
            let count = 2 + next(12);
            let needs: Vec<Vec<u32>> = (0..count)
                .map(|_| (0..next(4)).map(|_| u32::try_from(next(count)).expect("small")).collect())
                .collect();
            let asked: Vec<u32> = (0..u32::try_from(count).expect("small")).filter(|_| next(3) == 0).collect();
            let mut owners = owners(&needs.iter().map(Vec::as_slice).collect::<Vec<_>>(), &asked);
            explain(&mut owners);
            for id in &asked {
                let expected = by_hand(&owners, &asked, *id);
                assert_eq!(owners.list[*id as usize].exclusive_bytes, Some(expected), "{id} of {asked:?} in {needs:?}");
            }
        }
    }

    #[test]
    fn who_pulled_in_whom() {
        let mut owners = owners(&[&[1], &[2], &[], &[]], &[0]);
        owners.packages[2].recommends.push(3);
        explain(&mut owners);
        assert_eq!(owners.list[2].because, ["0", "1"]);
        assert_eq!(owners.list[3].because, ["0", "1", "2"]);
        assert!(owners.list[3].is_recommended && !owners.list[2].is_recommended);
    }
}
