#include "app/command_line.hpp"

#include "app/exit_code.hpp"
#include "app/run_command.hpp"
#include "app/version.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <exception>
#include <iostream>

namespace roachpin::app {
namespace {

constexpr const char* footer = "Exit codes: 0 as asked, 1 failed, 2 configuration or usage.";

std::string version_line() {
    return "roachpin " + version() + " (" + libraries() + ")";
}

CLI::App* add_run(CLI::App& program, run_flags& flags) {
    auto* run = program.add_subcommand("run", "Run the proxy until SIGTERM or SIGINT.");
    run->add_option("-c,--config", flags.config, "The configuration file (YAML)")
        ->required()
        ->type_name("FILE");
    run->add_option("--listen", flags.listen,
                    "Bind this instead of the file's only listener, e.g. 127.0.0.1:26257")
        ->type_name("ADDRESS");
    run->add_option("--log-level", flags.log_level, "debug, info, warning or error")
        ->type_name("LEVEL");
    run->add_option("--log-format", flags.log_format, "text or json")->type_name("FORMAT");
    run->footer(footer);
    return run;
}

int guarded_run(const run_flags& flags) {
    try {
        return run(flags);
    } catch (const std::exception& problem) {
        std::cerr << "roachpin: " << problem.what() << '\n';
        return failed;
    }
}

} // namespace

int run_command_line(int argc, char** argv) {
    CLI::App program("roachpin: a TLS-verifying TCP proxy in front of CockroachDB.", "roachpin");
    program.require_subcommand(1);
    program.set_version_flag("--version", [] { return version_line(); });
    program.footer(footer);
    run_flags flags;
    const auto* run_command = add_run(program, flags);
    program.add_subcommand("version", "Print the version and the libraries it runs on.");
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
        return program.exit(problem) == 0 ? ok : bad_configuration_or_usage;
    }
    if (run_command->parsed()) {
        return guarded_run(flags);
    }
    std::cout << version_line() << '\n';
    return ok;
}

} // namespace roachpin::app
