//! Hosts that lack a layer: nothing is started, and the machine says so.

use std::{collections::BTreeMap, process::Output, thread};

use nexus_sandbox::{FAILED, FAILED_PREFIX, Machine, Sandbox};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

use crate::world::{LAUNCHER, Profile, World};

/// What is missing, the calls that the kernel refuses for it, and how.
type Host = (&'static str, fn() -> Rules, i32);
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Runs something on a host whose kernel refuses some calls: a thread that gives them up, with all that it starts.
fn on_host<T: Send>(rules: Rules, error: i32, run: impl FnOnce() -> T + Send) -> T {
    let filter: seccompiler::BpfProgram = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(error.cast_unsigned()),
        std::env::consts::ARCH.try_into().unwrap(),
    )
    .unwrap()
    .try_into()
    .unwrap();
    thread::scope(|scope| {
        scope
            .spawn(|| {
                apply_filter(&filter).unwrap();
                run()
            })
            .join()
            .unwrap()
    })
}

fn whole(calls: &[libc::c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn with(call: libc::c_long, argument: u8, bit: u64) -> Rules {
    let condition = SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(bit),
        bit,
    )
    .unwrap();
    BTreeMap::from([(call, vec![SeccompRule::new(vec![condition]).unwrap()])])
}

/// The launcher itself, asked directly, as if nobody had looked at the machine first.
fn start_anyway(world: &World) -> Output {
    let good = Sandbox::probe(LAUNCHER.as_ref());
    let spec = world.spec(Profile::Folder, &["/bin/touch", "started"]);
    // The command is made on the good host, and run on the bad one.
    let mut command = good.command(&spec).unwrap();
    command.output().unwrap()
}

#[test]
fn a_good_host_starts_the_program() {
    let world = World::build();
    let output = start_anyway(&world);
    assert!(output.status.success(), "{output:?}");
    assert!(world.path("project/started").exists());
}

#[test]
fn a_host_without_a_layer_starts_nothing() {
    let hosts: [Host; 6] = [
        (
            "no Landlock",
            || {
                whole(&[
                    libc::SYS_landlock_create_ruleset,
                    libc::SYS_landlock_add_rule,
                    libc::SYS_landlock_restrict_self,
                ])
            },
            libc::ENOSYS,
        ),
        (
            "no user namespaces",
            || with(libc::SYS_unshare, 0, 0x1000_0000),
            libc::EPERM,
        ),
        (
            "no network namespaces",
            || with(libc::SYS_unshare, 0, 0x4000_0000),
            libc::EINVAL,
        ),
        (
            "no seccomp",
            || {
                let mut rules = with(libc::SYS_prctl, 0, 22);
                let condition = |argument, value| {
                    SeccompCondition::new(
                        argument,
                        SeccompCmpArgLen::Dword,
                        SeccompCmpOp::Eq,
                        value,
                    )
                    .unwrap()
                };
                rules.insert(
                    libc::SYS_prctl,
                    vec![SeccompRule::new(vec![condition(0, 22)]).unwrap()],
                );
                rules.insert(libc::SYS_seccomp, Vec::new());
                rules
            },
            libc::EINVAL,
        ),
        ("no mounts", || whole(&[libc::SYS_mount]), libc::EPERM),
        (
            "no read-only trees",
            || whole(&[libc::SYS_mount_setattr]),
            libc::ENOSYS,
        ),
    ];
    for (name, rules, error) in hosts {
        let world = World::build();
        let good = Sandbox::probe(LAUNCHER.as_ref());
        let spec = world.spec(Profile::Folder, &["/bin/touch", "started"]);
        let mut command = good.command(&spec).unwrap();
        let (machine, output) = on_host(rules(), error, || {
            (Machine::probe(LAUNCHER.as_ref()), command.output().unwrap())
        });
        let reason = machine.confines().unwrap_err();
        println!("{name}: {reason}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(FAILED), "{name}: {output:?}");
        assert!(
            said.lines().any(|line| line.starts_with(FAILED_PREFIX)),
            "{name}: {said}"
        );
        assert!(!world.path("project/started").exists(), "{name}");
    }
}
