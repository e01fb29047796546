//! One run: a storm, and then peace, in which all must come to its end.

use std::time::Duration;

use crate::cluster::{Cluster, Step, successor};
use crate::topic::Disaster;
use crate::world::{Seen, Shared, Weather, World};

/// Steps after which an engine that nothing bothers must have committed everything.
const BOUND: u64 = 60_000;

/// The same in time that passes there; and where the database is slow at first.
const LONGEST: [Duration; 2] = [Duration::from_secs(1200), Duration::from_secs(4 * 3600)];

/// Steps within which a start says that the topic is another one.
const STARTING: u64 = 500;

/// Steps of [`STEP`] that a run goes on without a word at most when its topic has become another one: half a minute, and
/// not what passes while one of its calls waits, when nothing else goes on here.
const NOTICED: u64 = 1500;
const STEP: Duration = Duration::from_millis(20);

/// One run. A panic is a failure.
pub fn run(seed: u64) -> (Seen, u64) {
    successor();
    let world = Shared::new(World::new(seed));
    let mut current = Cluster::start(&world);
    let mut zombie: Option<Cluster> = None;
    let steps = world.lock().weather.steps;
    for _ in 0..steps {
        current = storm(&world, current, &mut zombie);
    }
    drop(zombie);
    world.lock().calm();
    let disaster = world.lock().topic.disaster;
    if world.lock().strike() {
        match disaster.is_some_and(Disaster::is_while_read) {
            true => noticed(&world, current),
            false => drop(current),
        }
        refused(&world);
        let world = world.lock();
        return (world.seen.clone(), world.trace());
    }
    if world.lock().seen.put_back > 0 || world.lock().topic.struck {
        // A run with nothing to write does not look whether its sink is what it was: the next start does.
        let id = current.id;
        world.lock().kill(id);
        current = Cluster::start(&world);
    }
    let is_slow = !world.lock().outages.slow.is_zero();
    for step in 0.. {
        let passed = world.lock().calm_for();
        assert!(
            step < BOUND && passed < LONGEST[usize::from(is_slow)],
            "I7: it does not come to an end: {step} steps, {passed:?}"
        );
        world.lock().pass();
        match current.step() {
            Step::Ended if current.has_read_all() && world.lock().shows_all() => break,
            // What is gone was not in a snapshot.
            _ if world.lock().topic.refused.is_some() => {
                drop(current);
                let mut world = world.lock();
                world.seen.refused += 1;
                return (world.seen.clone(), world.trace());
            }
            // It had been asked to stop in the storm.
            Step::Ended | Step::Dead => current = Cluster::start(&world),
            Step::Going => {}
        }
        // A snapshot of all must come although no more input does, and although the inputs of other workers have ended.
        let mut world = world.lock();
        if world.files {
            if world.has_kept_visible() {
                world.show_more();
            }
        } else if world.kept_all {
            drop(world);
            if current.has_read_all() {
                current.stop();
            }
        }
    }
    drop(current);
    let mut world = world.lock();
    world.seen.longest = world.calm_for();
    world.check_end();
    (world.seen.clone(), world.trace())
}

/// A step of a storm; the cluster that goes on. One that was taken over while it stood still goes on beside it.
fn storm(world: &Shared, mut current: Cluster, zombie: &mut Option<Cluster>) -> Cluster {
    let Weather {
        kill_between: kill,
        stop,
        ..
    } = world.lock().weather.clone();
    world.lock().pass();
    if let Some(old) = zombie
        && old.step() != Step::Going
    {
        *zombie = None;
    }
    let mut step = current.step();
    if let Some(next) = successor() {
        *zombie = (step == Step::Going).then_some(current);
        current = next;
        step = Step::Going;
    }
    if kill > 0 && world.lock().dice.roll(kill) == 0 {
        world.lock().kill(current.id);
        step = Step::Dead;
    }
    let asked = stop > 0 && world.lock().dice.roll(stop) == 0;
    if asked || world.lock().wants_stop() {
        current.stop();
    }
    match step {
        Step::Going => current,
        Step::Ended | Step::Dead => Cluster::start(world),
    }
}

/// The topic that is read has become another one, or is gone: the run that reads it says so soon, and ends.
fn noticed(world: &Shared, mut current: Cluster) {
    let (mut is_dead, mut steps) = (false, 0);
    while world.lock().topic.refused.is_none() {
        steps += 1;
        assert!(
            steps < NOTICED,
            "I10: the topic is another one, and the run that reads it goes on without a word"
        );
        // It had been asked to stop in the storm: the next start says so.
        if is_dead {
            current = Cluster::start(world);
        }
        let world = world.lock();
        world.clock.sleep(STEP);
        drop(world);
        is_dead = current.step() != Step::Going;
    }
}

/// The topic is another one: no start goes on, however often, and nothing is written.
fn refused(world: &Shared) {
    let shows = || {
        let world = world.lock();
        let (database, log) = (&world.database.shown, &world.log.shown);
        (database.commit, database.changes, log.commit, log.changes)
    };
    let before = shows();
    for _ in 0..3 {
        let mut cluster = Cluster::start(world);
        let going = |_: &u64| cluster.step() == Step::Going;
        let steps = (0..STARTING).take_while(going).count();
        let said = world.lock().topic.refused.take();
        assert!(
            said.is_some(),
            "I10: the topic is another one, and {steps} steps went by without a word"
        );
        assert_eq!(
            shows(),
            before,
            "I10: the topic is another one, and something was written"
        );
    }
    world.lock().seen.refused += 1;
}
