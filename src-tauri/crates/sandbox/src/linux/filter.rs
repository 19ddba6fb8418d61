//! The system calls that a confined program may not make.
//!
//! Owns: the list. It names what reaches beyond files and processes, which the other layers hold: sockets that no network namespace
//! holds, other processes' memory, keys, mounts, and parts of the kernel that break more often than others.

use std::collections::BTreeMap;

use anyhow::Context as _;
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is,
    SeccompCondition as Condition, SeccompFilter, SeccompRule as Rule, apply_filter, sock_filter,
};

type Rules = BTreeMap<i64, Vec<Rule>>;

/// Refused whatever their arguments are.
const REFUSED: &[c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Keys of the user's session.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Work that the kernel does past these filters, and large, young interfaces.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    // Namespaces and mounts.
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // Files by number, past all folders.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
];

/// Calls that set a file's mode, each with the argument that holds it.
const SETTERS: &[(c_long, u8)] = &[
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (libc::SYS_fchmodat2, 2),
    (libc::SYS_openat, 3),
    (libc::SYS_mknodat, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chmod, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, 1),
];

const NAMESPACES: [libc::c_int; 8] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
    // In `clone` this bit belongs to a signal's number, none of which has it.
    0x80,
];

/// Applies the filters to this process and all that come from it.
pub fn apply(network: bool) -> anyhow::Result<()> {
    let refused = program(rules(network)?, libc::EPERM)?;
    // Its flags lie in memory, where no filter sees them. The C library then does with `clone`.
    let missing = program(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        libc::ENOSYS,
    )?;
    for filter in [&refused, &missing, &native_only()] {
        apply_filter(filter).context("seccomp cannot be applied")?;
    }
    Ok(())
}

fn program(rules: Rules, error: libc::c_int) -> anyhow::Result<BpfProgram> {
    let architecture = std::env::consts::ARCH
        .try_into()
        .context("seccomp does not know this processor")?;
    let refuse = SeccompAction::Errno(error.cast_unsigned());
    // Calls of another processor's (32-bit programs) end the program.
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture);
    filter
        .and_then(TryInto::try_into)
        .context("the filter cannot be built")
}

fn rules(network: bool) -> anyhow::Result<Rules> {
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, sockets(network)?);
    // A pair of datagram sockets could be sent from to any Unix socket. The other kinds are connected for good.
    rules.insert(
        libc::SYS_socketpair,
        (0..16)
            .filter(|kind| ![libc::SOCK_STREAM, libc::SOCK_SEQPACKET].contains(kind))
            .map(|kind| rule([has(1, 0xf, kind)?]))
            .collect::<anyhow::Result<_>>()?,
    );
    for call in [libc::SYS_clone, libc::SYS_unshare] {
        let bits = NAMESPACES.iter().map(|bit| rule([has(0, *bit, *bit)?]));
        rules.insert(call, bits.collect::<anyhow::Result<_>>()?);
    }
    // Typing into the user's terminal, and into the console's.
    let typing = [libc::TIOCSTI, libc::TIOCLINUX]
        .into_iter()
        .map(|request| rule([condition(1, Is::Eq, request)?]));
    rules.insert(libc::SYS_ioctl, typing.collect::<anyhow::Result<_>>()?);
    let devices = |argument| -> anyhow::Result<Vec<Rule>> {
        [libc::S_IFCHR, libc::S_IFBLK]
            .into_iter()
            .map(|kind| {
                rule([condition(
                    argument,
                    Is::MaskedEq(libc::S_IFMT.into()),
                    kind.into(),
                )?])
            })
            .collect()
    };
    rules.insert(libc::SYS_mknodat, devices(2)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_mknod, devices(1)?);
    // A program in the user's folder that runs with his rights whoever starts it: the mounts do not stop its making.
    for (call, mode) in SETTERS {
        let bit = libc::S_ISUID;
        let bit = condition(*mode, Is::MaskedEq(bit.into()), bit.into())?;
        rules.entry(*call).or_default().push(rule([bit])?);
    }
    Ok(rules)
}

/// Without network no socket at all; with it, those of TCP and UDP. Never Unix sockets: behind them are the keychain, the SSH agent,
/// the display, containers. Never raw ones.
fn sockets(network: bool) -> anyhow::Result<Vec<Rule>> {
    if !network {
        return Ok(Vec::new());
    }
    let other = [libc::AF_INET, libc::AF_INET6]
        .into_iter()
        .map(|family| condition(0, Is::Ne, u64::try_from(family).unwrap_or_default()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let kinds = (0..16).filter(|kind| ![libc::SOCK_STREAM, libc::SOCK_DGRAM].contains(kind));
    let mut rules = vec![Rule::new(other)?];
    for kind in kinds {
        rules.push(rule([has(1, 0xf, kind)?])?);
    }
    Ok(rules)
}

fn rule<const N: usize>(conditions: [Condition; N]) -> anyhow::Result<Rule> {
    Ok(Rule::new(conditions.into())?)
}

/// That the bits under a mask are those of a value.
fn has(argument: u8, mask: libc::c_int, value: libc::c_int) -> anyhow::Result<Condition> {
    let bits = |number: libc::c_int| u64::from(number.cast_unsigned());
    condition(argument, Is::MaskedEq(bits(mask)), bits(value))
}

/// All these arguments are C's `int`: the kernel looks at the lower half only, and so must the filter.
fn condition(argument: u8, is: Is, value: u64) -> anyhow::Result<Condition> {
    Ok(Condition::new(argument, Length::Dword, is, value)?)
}

/// x86-64 has a second table of calls, x32, under numbers from 2^30. They are all missing.
fn native_only() -> BpfProgram {
    let operation = |code: u32| u16::try_from(code).unwrap_or_default();
    let step = |code: u32, jt, jf, k| sock_filter {
        code: operation(code),
        jt,
        jf,
        k,
    };
    vec![
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(
            libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K,
            0,
            1,
            0x4000_0000,
        ),
        step(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned(),
        ),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
