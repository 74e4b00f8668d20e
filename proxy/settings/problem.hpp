#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace roachpin::settings {

/// What a sentence is about: a place in the file, or a flag of the command line.
struct place {
    std::string file;     ///< as the operator named it, or "command line"
    std::size_t line = 0; ///< counted from 1; 0: no line in particular
    std::string path;     ///< "listeners[0].tls.cert_file"; empty: the whole file

    /// "roachpin.yaml:12: cluster.ca_file"; what is unknown is left out with its colon. It is
    /// legible (core/legible.hpp), so that one place is one line on a terminal.
    std::string to_string() const;
};

/// One thing the operator has to mend.
struct problem {
    place where;
    std::string sentence; ///< what is wrong and what to do

    /// `file:line: path: sentence`, legible. Of what is longer than a kilobyte the middle is left
    /// out.
    std::string to_string() const;
};

/// In the order of the file; what has no line (the command line) comes first.
void sort_by_line(std::vector<problem>& problems);

/// All of them, one a line, each line ended.
std::string to_string(const std::vector<problem>& problems);

} // namespace roachpin::settings
