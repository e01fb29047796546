//! The object store of snapshots.

use std::time::Duration;

use standings_engine::snapshot::{ObjectError, Objects};

use crate::cluster::take_over;
use crate::world::{Fate, Shared, World};

/// What a call that fails says.
pub const NO_STORE: &str = "the store does not answer";

/// How long its client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store as one cluster sees it.
pub struct SimObjects {
    pub world: Shared,
    pub cluster: u64,
}

impl SimObjects {
    fn call<R>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut World) -> Result<R, ObjectError>,
    ) -> Result<R, ObjectError> {
        let fate = self.world.lock().fate(self.cluster, name);
        if fate == Fate::Frozen {
            take_over(&self.world);
        }
        let mut world = self.world.lock();
        match fate {
            Fate::Dead | Fate::KilledBefore => {
                world.kill(self.cluster);
                Err(ObjectError::Failed("killed".to_owned()))
            }
            Fate::Fail => Err(ObjectError::Failed(NO_STORE.to_owned())),
            Fate::Silent => {
                world.wait(self.cluster, name, PATIENCE);
                Err(ObjectError::Failed(NO_STORE.to_owned()))
            }
            _ => {
                let done = effect(&mut world);
                match fate {
                    Fate::KilledAfter => {
                        world.kill(self.cluster);
                        Err(ObjectError::Failed("killed".to_owned()))
                    }
                    Fate::LoseAnswer => Err(ObjectError::Failed(NO_STORE.to_owned())),
                    _ => done,
                }
            }
        }
    }
}

impl Objects for SimObjects {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectError> {
        let manifest = name.starts_with("manifests/");
        let call = if manifest { "manifest put" } else { "part put" };
        let cluster = self.cluster;
        self.call(call, |world| world.put_object(cluster, name, bytes))
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, ObjectError> {
        self.call("object get", |world| {
            let found = world.store.objects.get(name).cloned();
            found.ok_or(ObjectError::Missing)
        })
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, ObjectError> {
        let folder = format!("{folder}/");
        self.call("object list", |world| {
            let names = world.store.objects.keys();
            Ok(names.filter(|n| n.starts_with(&folder)).cloned().collect())
        })
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        self.call("object remove", |world| {
            world.remove_object(name);
            Ok(())
        })
    }
}
