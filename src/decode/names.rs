//! Names of an object, to see one that stands twice.

use std::collections::HashSet;

/// Names seen so far. The set's hash is keyed, so that a record of many crafted names stays linear.
#[derive(Default)]
pub(super) struct Names {
    few: Vec<String>,
    many: HashSet<String>,
}

impl Names {
    /// Whether the name is new.
    pub(super) fn insert(&mut self, name: &str) -> bool {
        const FEW: usize = 16;
        if self.many.is_empty() {
            if self.few.iter().any(|n| n == name) {
                return false;
            }
            self.few.push(name.to_owned());
            if self.few.len() > FEW {
                self.many.extend(self.few.drain(..));
            }
            return true;
        }
        self.many.insert(name.to_owned())
    }
}
