//! Relationship fields: `Depends: a (>= 1) | b, c:any`.
//!
//! See [Debian policy 7.1](https://www.debian.org/doc/debian-policy/ch-relationships.html).

use std::cmp::Ordering;

use super::super::bounds::{Bounds, text};
use super::version::versions_compare;

/// All groups have to hold; a group holds when one of its alternatives does.
pub type Groups = Vec<Vec<Relation>>;

/// One package that a relationship field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The package, or a virtual one that others provide.
    pub name: String,
    /// What follows a colon: `any`, `native` or an architecture.
    pub arch_qualifier: Option<String>,
    /// What its version has to satisfy.
    pub constraint: Option<Constraint>,
    /// The architectures that the relation is limited to (`[amd64 !arm64]`), as written; source packages only.
    pub architectures: Vec<String>,
}

/// A version and how another compares to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// How versions have to compare to it.
    pub operator: Operator,
    /// The version named.
    pub version: String,
}

/// The operators of version constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `<<`.
    Earlier,
    /// `<=`, also its old spelling `<`.
    EarlierOrEqual,
    /// `=`.
    Equal,
    /// `>=`, also its old spelling `>`.
    LaterOrEqual,
    /// `>>`.
    Later,
}

impl Constraint {
    /// Says whether `version` satisfies it.
    #[must_use]
    pub fn allows(&self, version: &str) -> bool {
        let order = versions_compare(version, &self.version);
        match self.operator {
            Operator::Earlier => order == Ordering::Less,
            Operator::EarlierOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::LaterOrEqual => order != Ordering::Less,
            Operator::Later => order == Ordering::Greater,
        }
    }
}

/// Reads a field's value; a relation that cannot be read is skipped.
pub(super) fn groups(value: &[u8], bounds: &mut Bounds) -> Groups {
    let mut groups = Vec::new();
    for group in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|group| !group.is_empty()) {
        let alternatives = relations(group, b'|', bounds);
        if !alternatives.is_empty() {
            bounds.push(&mut groups, alternatives, 0);
        }
    }
    groups
}

/// Reads relations that all mean the same, as those of `Provides` do.
pub(super) fn relations(value: &[u8], separator: u8, bounds: &mut Bounds) -> Vec<Relation> {
    // Most groups have one alternative: a list that grows by itself starts with room for four.
    let mut relations = Vec::with_capacity(1);
    for part in value.split(|byte| *byte == separator) {
        match relation(part) {
            Some(relation) => bounds.push(&mut relations, relation, part.len()),
            None => bounds.skip(),
        }
    }
    relations
}

/// Beyond those that there are.
const MOST_ARCHITECTURES: usize = 64;

fn relation(part: &[u8]) -> Option<Relation> {
    let part = std::str::from_utf8(part).ok()?.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "+-.:_${}".contains(c);
    let (name, mut rest) = part.split_at(part.find(|c| !is_name(c)).unwrap_or(part.len()));
    let (name, arch_qualifier) = name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(arch)));
    let mut relation = Relation {
        name: text(name.as_bytes())?,
        arch_qualifier: arch_qualifier.map(str::to_owned),
        constraint: None,
        architectures: Vec::new(),
    };
    rest = rest.trim_start();
    while let Some(open) = rest.chars().next() {
        let close = match open {
            '(' => ')',
            '[' => ']',
            '<' => '>',
            _ => return None,
        };
        let (inner, after) = rest[1..].split_once(close)?;
        match open {
            '(' => relation.constraint = Some(constraint(inner)?),
            '[' => {
                let names = inner.split_whitespace().take(MOST_ARCHITECTURES);
                relation.architectures = names.map(str::to_owned).collect();
            }
            // Build profiles: nothing in an installed package's record depends on them.
            _ => {}
        }
        rest = after.trim_start();
    }
    Some(relation)
}

fn constraint(inner: &str) -> Option<Constraint> {
    let inner = inner.trim();
    let (operator, version) = inner.split_at(inner.find(|c| !"<>=".contains(c))?);
    let operator = match operator {
        "<<" => Operator::Earlier,
        "<=" | "<" => Operator::EarlierOrEqual,
        "=" => Operator::Equal,
        ">=" | ">" => Operator::LaterOrEqual,
        ">>" => Operator::Later,
        _ => return None,
    };
    Some(Constraint { operator, version: text(version.as_bytes())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> (Groups, u32) {
        let mut bounds = Bounds::new();
        let groups = groups(value.as_bytes(), &mut bounds);
        (groups, bounds.finish(()).skipped)
    }

    #[test]
    fn groups_and_alternatives_are_kept_apart() {
        let (groups, skipped) = parse("libc6 (>= 2.34), debconf (>= 0.5) | debconf-2.0,\n python3:any (<< 3.12),");
        assert_eq!(skipped, 0);
        let names: Vec<Vec<&str>> =
            groups.iter().map(|group| group.iter().map(|relation| relation.name.as_str()).collect()).collect();
        assert_eq!(names, [vec!["libc6"], vec!["debconf", "debconf-2.0"], vec!["python3"]]);
        assert_eq!(groups[2][0].arch_qualifier.as_deref(), Some("any"));
        let expected = Constraint { operator: Operator::Earlier, version: "3.12".to_owned() };
        assert_eq!(groups[2][0].constraint, Some(expected));
        assert_eq!(groups[1][1].constraint, None);
    }

    #[test]
    fn architectures_and_profiles_may_follow() {
        let (groups, skipped) = parse("gcc (>=4:9)[amd64 !arm64] <!nocheck> <cross>");
        assert_eq!((groups.len(), skipped), (1, 0));
        assert_eq!(groups[0][0].architectures, ["amd64", "!arm64"]);
        assert_eq!(groups[0][0].constraint.as_ref().map(|c| c.version.as_str()), Some("4:9"));
    }

    #[test]
    fn every_operator_compares() {
        let allows = |operator: &str| {
            let found = constraint(&format!("{operator} 2")).expect("a constraint");
            ["1", "2", "3"].map(|version| found.allows(version))
        };
        assert_eq!(allows("<<"), [true, false, false]);
        assert_eq!(allows("<="), [true, true, false]);
        assert_eq!(allows("="), [false, true, false]);
        assert_eq!(allows(">="), [false, true, true]);
        assert_eq!(allows(">>"), [false, false, true]);
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let (groups, skipped) = parse("a (>= 1, b | (2), c (~ 3), d é, e");
        assert_eq!((groups.len(), skipped), (2, 4));
        assert_eq!((groups[0][0].name.as_str(), groups[1][0].name.as_str()), ("b", "e"));
    }
}
