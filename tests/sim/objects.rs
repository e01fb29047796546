//! The object store of snapshots.

use standings::snapshot::Objects;

use crate::cluster::take_over;
use crate::world::{Fate, Shared, World};

/// What a call that fails says.
pub const NO_STORE: &str = "the store does not answer";

/// The store as one cluster sees it.
pub struct SimObjects {
    pub world: Shared,
    pub cluster: u64,
}

impl SimObjects {
    fn call<R>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut World) -> Result<R, String>,
    ) -> Result<R, String> {
        let fate = self.world.lock().fate(self.cluster, name);
        if fate == Fate::Frozen {
            take_over(&self.world);
        }
        let mut world = self.world.lock();
        match fate {
            Fate::Dead | Fate::KilledBefore => {
                world.kill(self.cluster);
                Err("killed".to_owned())
            }
            Fate::Fail => Err(NO_STORE.to_owned()),
            _ => {
                let done = effect(&mut world);
                match fate {
                    Fate::KilledAfter => {
                        world.kill(self.cluster);
                        Err("killed".to_owned())
                    }
                    Fate::LoseAnswer => Err(NO_STORE.to_owned()),
                    _ => done,
                }
            }
        }
    }
}

impl Objects for SimObjects {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        let manifest = name.starts_with("manifests/");
        let call = if manifest { "manifest put" } else { "part put" };
        self.call(call, |world| {
            if world.objects.contains_key(name) {
                return Err("there is one of that name".to_owned());
            }
            if manifest {
                world.seen.manifests += 1;
                world.check_manifest(&bytes);
            } else {
                world.parts.insert(name.to_owned());
            }
            world.objects.insert(name.to_owned(), bytes);
            Ok(())
        })
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, String> {
        self.call("object get", |world| {
            world
                .objects
                .get(name)
                .cloned()
                .ok_or_else(|| "not there".to_owned())
        })
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        let folder = format!("{folder}/");
        self.call("object list", |world| {
            Ok(world
                .objects
                .keys()
                .filter(|n| n.starts_with(&folder))
                .cloned()
                .collect())
        })
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        self.call("object remove", |world| {
            world.objects.remove(name);
            Ok(())
        })
    }
}
