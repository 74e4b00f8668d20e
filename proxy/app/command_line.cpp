#include "app/command_line.hpp"

#include "app/check_command.hpp"
#include "app/exit_code.hpp"
#include "app/init_command.hpp"
#include "app/pin_command.hpp"
#include "app/resolve_command.hpp"
#include "app/run_command.hpp"
#include "app/status_command.hpp"
#include "app/version.hpp"
#include "core/printable.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <exception>
#include <iostream>

namespace roachpin::app {
namespace {

constexpr const char* footer =
    "Exit codes: 0 as asked, 1 failed, 2 configuration or usage, 3 could not finish.";

std::string version_line() {
    return "roachpin " + version() + " (" + libraries() + ")";
}

void add_config(CLI::App& command, std::string& config) {
    command.add_option("-c,--config", config, "The configuration file (YAML)")
        ->required()
        ->type_name("FILE");
}

CLI::App* add_run(CLI::App& program, run_flags& flags) {
    auto* run = program.add_subcommand("run", "Run the proxy until SIGTERM or SIGINT.");
    add_config(*run, flags.config);
    run->add_option("--listen", flags.listen,
                    "Bind this instead of the file's only listener, e.g. 127.0.0.1:26257")
        ->type_name("ADDRESS");
    run->add_option("--admin", flags.admin,
                    "Serve metrics, probes and the page there, e.g. 127.0.0.1:9257")
        ->type_name("ADDRESS");
    run->add_option("--log-level", flags.log_level, "debug, info, warning or error")
        ->type_name("LEVEL");
    run->add_option("--log-format", flags.log_format, "text or json")->type_name("FORMAT");
    run->footer("Exit codes: 0 as asked, 1 failed, 2 configuration or usage.");
    return run;
}

CLI::App* add_check(CLI::App& program, check_flags& flags) {
    auto* check = program.add_subcommand(
        "check", "Look at the configuration, every name, every node and every address, without "
                 "credentials, and say what is amiss.");
    add_config(*check, flags.config);
    check->add_option("--format", flags.format, "text, json, sarif (2.1.0) or junit")
        ->type_name("FORMAT")
        ->capture_default_str();
    check->add_option("--output", flags.output, "Write the report there instead of to stdout")
        ->type_name("FILE");
    check
        ->add_option("--fail-on", flags.fail_on,
                     "The least severity that fails: low, medium, high or critical")
        ->type_name("SEVERITY")
        ->capture_default_str();
    check
        ->add_option("--baseline", flags.baseline,
                     "An earlier report (--format json): what is in it does not count")
        ->type_name("FILE");
    check->add_flag("--offline", flags.offline,
                    "Ask nobody and dial nobody: look at the configuration and its files alone");
    check->footer("Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 configuration or "
                  "usage, 3 not everything could be looked at.");
    return check;
}

CLI::App* add_resolve(CLI::App& program, resolve_flags& flags) {
    auto* resolve = program.add_subcommand(
        "resolve", "Say what each DNS server says of a name, and what the policy makes of it.");
    resolve->add_option("name", flags.name, "The host of a node, or any other name")
        ->required()
        ->type_name("NAME");
    add_config(*resolve, flags.config);
    resolve->footer("Exit codes: 0 all clean, 1 refused, denied or disagreeing, 2 configuration or "
                    "usage, 3 no server could be reached.");
    return resolve;
}

CLI::App* add_pin(CLI::App& program, pin_flags& flags) {
    auto* pin = program.add_subcommand(
        "pin", "Write what is seen of the nodes to roachpin.lock (lock.file), or, where that is "
               "there, compare.");
    add_config(*pin, flags.config);
    auto* verify = pin->add_flag("--verify", flags.verify, "Only compare, and write nothing");
    pin->add_flag("--update", flags.update, "Print the differences, and write the file anew")
        ->excludes(verify);
    pin->footer("Exit codes: 0 written or the same, 1 differs, 2 configuration or usage, 3 not "
                "every node could be seen, and nothing was written.");
    return pin;
}

CLI::App* add_status(CLI::App& program, status_flags& flags) {
    auto* status = program.add_subcommand(
        "status", "Say how a running roachpin, its nodes and its certificates are.");
    status->add_option("--admin", flags.admin, "Its admin.bind")
        ->type_name("ADDRESS")
        ->capture_default_str();
    status->add_flag("--watch", flags.watch, "Again every two seconds, until SIGINT");
    status->add_option("--format", flags.format, "text or json")
        ->type_name("FORMAT")
        ->capture_default_str();
    status->footer("Exit codes: 0 it answered, 1 it did not, 2 usage.");
    return status;
}

CLI::App* add_init(CLI::App& program, init_flags& flags) {
    auto* init = program.add_subcommand(
        "init", "Write a commented configuration, and say what is left to fill in.");
    init->add_option("--from-certs-dir", flags.from_certs_dir,
                     "Take the CA, and the node's names, from a folder as cockroach cert makes it")
        ->type_name("DIR");
    init->add_option("--from-haproxy", flags.from_haproxy,
                     "Take nodes and listener from what cockroach gen haproxy wrote")
        ->type_name("FILE");
    init->add_option("-o,--output", flags.output, "Write to this file instead of stdout")
        ->type_name("FILE");
    init->add_flag("--force", flags.force, "Replace the file where it is there already");
    init->footer("Exit codes: 0 written, 2 usage, or a file that cannot be read or written.");
    return init;
}

/// `unexpected`: the exit code where something is thrown.
template <class Command>
int guarded(const Command& command, exit_code unexpected) {
    try {
        return command();
    } catch (const std::exception& problem) {
        std::cerr << "roachpin: " << problem.what() << '\n';
        return unexpected;
    }
}

} // namespace

int run_command_line(int argc, char** argv) {
    CLI::App program("roachpin: a TLS-verifying TCP proxy in front of CockroachDB.", "roachpin");
    program.require_subcommand(1);
    program.set_version_flag("--version", [] { return version_line(); });
    program.footer(footer);
    run_flags to_run;
    check_flags to_check;
    resolve_flags to_resolve;
    pin_flags to_pin;
    status_flags to_status;
    init_flags to_init;
    const auto* run_command = add_run(program, to_run);
    const auto* check_command = add_check(program, to_check);
    const auto* resolve_command = add_resolve(program, to_resolve);
    const auto* pin_command = add_pin(program, to_pin);
    const auto* status_command = add_status(program, to_status);
    const auto* init_command = add_init(program, to_init);
    program.add_subcommand("version", "Print the version and the libraries it runs on.");
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
        // That something is missing is told before what is not understood: it may be that,
        // misspelt.
        const auto strange = program.remaining(true);
        if (problem.get_name() == "RequiredError" && !strange.empty()) {
            std::cerr << "not understood: " << core::printable(strange.front()) << '\n';
        }
        return program.exit(problem) == 0 ? ok : bad_configuration_or_usage;
    }
    if (run_command->parsed()) {
        return guarded([&] { return run(to_run); }, failed);
    }
    if (check_command->parsed()) {
        return guarded([&] { return check(to_check); }, could_not_finish);
    }
    if (resolve_command->parsed()) {
        return guarded([&] { return resolve(to_resolve); }, could_not_finish);
    }
    if (pin_command->parsed()) {
        return guarded([&] { return pin(to_pin); }, could_not_finish);
    }
    if (status_command->parsed()) {
        return guarded([&] { return status(to_status); }, failed);
    }
    if (init_command->parsed()) {
        return guarded([&] { return init(to_init); }, bad_configuration_or_usage);
    }
    std::cout << version_line() << '\n';
    return ok;
}

} // namespace roachpin::app
