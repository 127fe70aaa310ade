//! One round: mount, write, cut, and what the writer had said until then.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Fault;

/// Names the filesystem's program.
pub(crate) const PCFS: &str = "YIZHAN_PCFS";

/// What the writer said, all rounds of an image together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Said {
    /// Messages handed in, through this one.
    pub(crate) submitted: u64,
    /// The last message acknowledged.
    pub(crate) acknowledged: u64,
    /// Acknowledgements heard.
    pub(crate) acknowledgements: u64,
    /// The index vouched for the keys through this ordinal.
    pub(crate) keys: u64,
    /// Segments that went.
    pub(crate) gone: u64,
    /// Messages carried out of old segments.
    pub(crate) carried: u64,
}

impl Said {
    fn hear(&mut self, line: &str) {
        // a line may be cut as well; what is not whole was not said
        let Some((what, number)) = line.strip_suffix('\n').and_then(|line| line.split_once(' '))
        else {
            return;
        };
        let Ok(number) = number.parse::<u64>() else { return };
        let newest = match what {
            "S" => &mut self.submitted,
            "K" => &mut self.keys,
            "A" => {
                self.acknowledgements += 1;
                &mut self.acknowledged
            }
            "D" => {
                self.gone += 1;
                return;
            }
            "R" => {
                self.carried += number;
                return;
            }
            _ => return,
        };
        *newest = number.max(*newest);
    }
}

/// Where a round takes place, and when it ends.
pub(crate) struct Round<'a> {
    pub(crate) pcfs: &'a Path,
    pub(crate) image: &'a Path,
    pub(crate) mount: &'a Path,
    pub(crate) mode: &'a str,
    pub(crate) segment_bytes: u64,
    pub(crate) cut_after: Duration,
}

impl Round<'_> {
    /// Writes until the cut and adds to what was said. Afterwards the image is what the disk would
    /// hold.
    pub(crate) fn run(&self, said: &mut Said) -> Result<(), Fault> {
        let mut pcfs = Mounted::start(self)?;
        let mut writer = Command::new(std::env::current_exe()?)
            .arg("write")
            .arg(self.mount)
            .arg(format!("--segment-bytes={}", self.segment_bytes))
            .stdout(Stdio::piped())
            // its last words are about the filesystem that went away under it
            .stderr(Stdio::null())
            .spawn()?;
        let out = writer.stdout.take().ok_or("no pipe to the writer")?;
        let listener = thread::spawn(move || listen(out));
        thread::sleep(self.cut_after);
        pcfs.cut()?;
        writer.kill()?;
        writer.wait()?;
        let heard = listener.join().map_err(|_| "the listener panicked")?;
        for line in heard {
            said.hear(&line);
        }
        pcfs.finish()
    }
}

fn listen(out: ChildStdout) -> Vec<String> {
    let (mut out, mut lines) = (BufReader::new(out), Vec::new());
    loop {
        let mut line = String::new();
        match out.read_line(&mut line) {
            Ok(1..) => lines.push(line),
            _ => return lines,
        }
    }
}

/// The filesystem's process.
struct Mounted {
    child: Child,
    out: BufReader<ChildStdout>,
    mount: PathBuf,
}

impl Mounted {
    fn start(round: &Round<'_>) -> Result<Self, Fault> {
        let mut child = Command::new(round.pcfs)
            .args([round.image, round.mount])
            .arg(round.mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|fault| format!("{PCFS}={}: {fault}", round.pcfs.display()))?;
        let out = child.stdout.take().ok_or("no pipe to the filesystem")?;
        let mount = round.mount.to_owned();
        let mut mounted = Self { child, out: BufReader::new(out), mount };
        mounted.expect("READY")?;
        Ok(mounted)
    }

    fn expect(&mut self, word: &str) -> Result<(), Fault> {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        if line.trim() == word {
            return Ok(());
        }
        Err(format!("the filesystem said `{}` instead of {word}", line.trim()).into())
    }

    /// From now on every call on the filesystem fails.
    fn cut(&mut self) -> Result<(), Fault> {
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, Signal::USR1)?)
    }

    /// Unmounts, and waits until the image is built.
    fn finish(mut self) -> Result<(), Fault> {
        drop(self.child.stdin.take());
        self.expect("DONE")?;
        let _ = self.out.read_to_string(&mut String::new());
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // only after a failure is it still there
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            let _ = Command::new("fusermount3").arg("-u").arg(&self.mount).status();
        }
    }
}
