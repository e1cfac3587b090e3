//! `installer install` makes a unit of this program for the systemd of its user, and starts it;
//! `installer uninstall` removes it. `installer serve` is the service, also as `installer serve -d`.

use std::env;
use std::error::Error;
use std::thread;

use daemon::{Daemon, PathSource, Restart};
use service_manager::{
    RestartPolicy, ServiceInstallCtx, ServiceManager, ServiceStartCtx, ServiceStopCtx,
    ServiceUninstallCtx, SystemdServiceManager,
};

fn settings() -> Daemon {
    Daemon::new()
        .subcommand(["serve"])
        .pid(PathSource::template("{pid_dir}/{name}.pid"))
        .log(PathSource::template("{log_dir}/{name}.log"))
        .restart(Restart::OnFailure)
}

fn main() -> Result<(), Box<dyn Error>> {
    let _running = settings().enter();
    match env::args().nth(1).as_deref() {
        Some("install") => install(),
        Some("uninstall") => uninstall(),
        Some("serve") => serve(),
        _ => Err("write install, uninstall or serve".into()),
    }
}

fn install() -> Result<(), Box<dyn Error>> {
    let unit = settings().args(["serve"]).user_unit()?;
    let manager = SystemdServiceManager::user();
    manager.install(ServiceInstallCtx {
        label: "installer".parse()?,
        // All of it is in the contents.
        contents: Some(unit),
        program: env::current_exe()?,
        args: Vec::new(),
        username: None,
        working_directory: None,
        environment: None,
        autostart: true,
        restart_policy: RestartPolicy::default(),
    })?;
    manager.start(ServiceStartCtx {
        label: "installer".parse()?,
    })?;
    Ok(())
}

fn uninstall() -> Result<(), Box<dyn Error>> {
    let manager = SystemdServiceManager::user();
    manager.stop(ServiceStopCtx {
        label: "installer".parse()?,
    })?;
    manager.uninstall(ServiceUninstallCtx {
        label: "installer".parse()?,
    })?;
    Ok(())
}

fn serve() -> ! {
    loop {
        thread::park();
    }
}
