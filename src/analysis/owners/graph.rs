//! What needs what: closures over packages, who pulled in whom, what would go if one had not been asked for.

use super::dominators::Dominators;
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
    let mut room = MOST_CHAIN_BYTES;
    for id in order {
        let next = parent[id as usize];
        let chain = chain(owners, &parent, id, &mut room);
        let owner = &mut owners.list[id as usize];
        owner.because = chain;
        owner.is_recommended = next.is_some_and(|(_, is_recommended)| is_recommended);
    }
}

/// A longer way is told from its middle on.
const MOST_CHAIN: usize = 16;
/// What all chains may take together. A thousand packages need some 200 kB.
const MOST_CHAIN_BYTES: usize = 8 << 20;

/// Returns the names on the way to a package, the one that was asked for first; none where there is no room left.
fn chain(owners: &Owners, parent: &[Option<(OwnerId, bool)>], id: OwnerId, room: &mut usize) -> Vec<String> {
    let above = |id: &OwnerId| parent[*id as usize].map(|(above, _)| above);
    let ids: Vec<OwnerId> = std::iter::successors(above(&id), above).take(MOST_CHAIN).collect();
    let names = ids.iter().rev().map(|id| owners.list[*id as usize].name.as_str());
    let bytes: usize = names.clone().map(|name| size_of::<String>() + name.len()).sum();
    let left = room.checked_sub(bytes);
    *room = left.unwrap_or(*room);
    if left.is_some() { names.map(str::to_owned).collect() } else { Vec::new() }
}

/// Computes for each package that was asked for the bytes that only it brings: what it dominates in the graph of needs.
fn exclusive(owners: &mut Owners) {
    let roots: Vec<OwnerId> = (0u32..)
        .zip(owners.list.iter().zip(&owners.packages))
        .filter(|(_, (owner, package))| owner.asked_for == Some(true) || package.is_essential)
        .map(|(id, _)| id)
        .collect();
    let needs: Vec<&[OwnerId]> = owners.packages.iter().map(|package| &package.needs[..]).collect();
    let dominators = Dominators::of(&needs, &roots);
    let sums = dominators.sums(&owners.list.iter().map(|owner| owner.live_bytes).collect::<Vec<_>>());
    // Asked for or not, it stays where something else needs it.
    let mut is_needed = vec![false; owners.list.len()];
    for (id, needs) in (0u32..).zip(&needs) {
        for need in *needs {
            is_needed[*need as usize] |= dominators.reaches(id) && !dominators.is_below(id, *need);
        }
    }
    for id in roots {
        if owners.list[id as usize].asked_for == Some(true) {
            let stays = is_needed[id as usize] || owners.packages[id as usize].is_essential;
            owners.list[id as usize].exclusive_bytes = Some(if stays { 0 } else { sums[id as usize] });
        }
    }
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
