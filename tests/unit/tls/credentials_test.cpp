#include "support/temp_dir.hpp"
#include "tls/certificate.hpp"
#include "tls/credentials.hpp"
#include "unit/tls/pem.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace roachpin {
namespace {

using test::certificate_authority;
using test::identity;
using testing::HasSubstr;
using testing::StartsWith;

/// `key_pem`, its key under a passphrase, in PKCS #8 or in OpenSSL's older form.
std::string encrypted(const std::string& key_pem, bool pkcs8) {
    const auto key = test::key_of(key_pem);
    const tls::bio_ptr memory(BIO_new(BIO_s_mem()));
    const auto* passphrase = reinterpret_cast<const unsigned char*>("secret");
    const auto write = pkcs8 ? PEM_write_bio_PrivateKey : PEM_write_bio_PrivateKey_traditional;
    EXPECT_EQ(write(memory.get(), key.get(), EVP_aes_128_cbc(), passphrase, 6, nullptr, nullptr),
              1);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

/// `pem` with one character of its base64 made one that base64 has not.
std::string broken(std::string pem) {
    pem[pem.find('\n') + 20] = '!';
    return pem;
}

std::string without_its_end(const std::string& pem) {
    return pem.substr(0, pem.find("-----END"));
}

/// A PEM block of the right name whose content is something else.
std::string of_other_content(const char* name) {
    return std::string("-----BEGIN ") + name + "-----\nAAAA\n-----END " + name + "-----\n";
}

std::string with_other_line_ends(const std::string& pem) {
    std::string text;
    for (const char c : pem) {
        text += c == '\n' ? "\r\n" : std::string(1, c);
    }
    return text;
}

class tls_credentials : public testing::Test {
protected:
    std::string file(const std::string& content) { return folder_.write("file.pem", content); }

    std::string path(const char* name) const { return (folder_.path() / name).string(); }

    const std::string& root() const { return ca_.certificate_pem(); }

    certificate_authority ca_{"Cockroach CA"};
    certificate_authority new_ca_{"New CA"};
    certificate_authority intermediate_ =
        certificate_authority::intermediate(ca_, test::authority_request("Intermediate CA"));
    test::temp_dir folder_;
};

TEST_F(tls_credentials, anchors_are_every_certificate_of_the_file) {
    struct row {
        const char* name;
        std::string content;
        std::vector<std::string> subjects;
    };

    const auto key = test::self_signed({}).private_key_pem;
    const auto both = {std::string("CN=Cockroach CA,O=Cockroach"),
                       std::string("CN=New CA,O=Cockroach")};
    for (const auto& [name, content, subjects] : {
             row{"one root", root(), {"CN=Cockroach CA,O=Cockroach"}},
             row{"a bundle", root() + new_ca_.certificate_pem(), both},
             row{"a bundle with words between",
                 "# old\n" + root() + "\n# new\n" + new_ca_.certificate_pem() + "that was it\n",
                 both},
             row{"a bundle with a key between", root() + key + new_ca_.certificate_pem(), both},
             row{"other line ends", with_other_line_ends(root() + new_ca_.certificate_pem()), both},
             row{"an intermediate beside its root",
                 intermediate_.certificate_pem() + root(),
                 {"CN=Intermediate CA,O=Cockroach", "CN=Cockroach CA,O=Cockroach"}},
         }) {
        const auto anchors = tls::load_anchors(file(content));
        ASSERT_TRUE(anchors) << name << ": " << anchors.error().sentence;
        std::vector<std::string> loaded;
        for (const auto& anchor : *anchors) {
            loaded.push_back(tls::subject_of(*anchor));
        }
        EXPECT_EQ(loaded, subjects) << name;
    }
}

TEST_F(tls_credentials, files_that_hold_no_anchor_are_refused) {
    struct row {
        const char* name;
        std::string content;
        const char* sentence;
    };

    const auto leaf = ca_.issue({}).certificate_pem;
    for (const auto& [name, content, sentence] : {
             row{"empty", "", " holds no certificate in PEM"},
             row{"not PEM", "certificate\n", " holds no certificate in PEM"},
             row{"DER", std::string("\x30\x82\x01\x00", 4), " holds no certificate in PEM"},
             row{"a key", test::self_signed({}).private_key_pem, " holds no certificate in PEM"},
             row{"a CRL", ca_.crl({}), " holds no certificate in PEM"},
             row{"broken", broken(root()), " holds a certificate that cannot be read"},
             row{"cut off", without_its_end(root()), " holds a certificate that cannot be read"},
             row{"of other content", of_other_content("CERTIFICATE"),
                 " holds a certificate that cannot be read"},
             // What follows must not be dropped in silence.
             row{"broken behind a good one", root() + broken(root()),
                 " holds a certificate that cannot be read"},
             row{"cut off behind a good one", root() + without_its_end(root()),
                 " holds a certificate that cannot be read"},
             row{"an intermediate alone", intermediate_.certificate_pem(),
                 " holds no self-signed root; an intermediate"},
             row{"a leaf alone", leaf, " holds no self-signed root; "},
             row{"intermediate and leaf", intermediate_.certificate_pem() + leaf,
                 " holds no self-signed root; "},
         }) {
        const auto path = file(content);
        const auto anchors = tls::load_anchors(path);
        ASSERT_FALSE(anchors) << name;
        EXPECT_THAT(anchors.error().sentence, StartsWith(path + sentence)) << name;
    }
}

/// Issuer and subject alike do not make a root: its own key has to have signed it.
TEST_F(tls_credentials, a_certificate_that_merely_claims_to_be_a_root_is_no_anchor) {
    const auto namesake = test::self_signed(test::authority_request("Cockroach CA"));
    const auto claimed = test::self_signed(test::authority_request("Cockroach CA"));
    const auto signed_by_namesake = test::reissued(namesake, claimed, [](X509&) {});
    ASSERT_TRUE(tls::load_anchors(file(claimed.certificate_pem)));
    const auto anchors = tls::load_anchors(file(signed_by_namesake.certificate_pem));
    ASSERT_FALSE(anchors);
    EXPECT_THAT(anchors.error().sentence, HasSubstr("no self-signed root"));
}

TEST_F(tls_credentials, files_that_cannot_be_read_are_named_with_the_reason) {
    const auto absent = path("absent.pem");
    const auto reason = "cannot read " + absent + ": No such file or directory";
    EXPECT_EQ(tls::load_anchors(absent).error().sentence, reason);
    EXPECT_EQ(tls::load_crls(absent).error().sentence, reason);
    EXPECT_EQ(tls::load_key_pair(absent, absent).error().sentence, reason);
    EXPECT_EQ(tls::load_key_pair(file(root()), absent).error().sentence, reason);

    const auto folder = folder_.path().string();
    EXPECT_THAT(tls::load_anchors(folder).error().sentence, HasSubstr(folder));
    EXPECT_THAT(tls::load_crls(folder).error().sentence, HasSubstr(folder));

    if (::geteuid() != 0) {
        const auto closed = file(root());
        std::filesystem::permissions(closed, std::filesystem::perms(0));
        EXPECT_EQ(tls::load_anchors(closed).error().sentence,
                  "cannot read " + closed + ": Permission denied");
    }
}

TEST_F(tls_credentials, crls_are_every_list_of_the_file) {
    EXPECT_EQ(tls::load_crls(file(ca_.crl({}))).value().size(), 1U);
    EXPECT_EQ(tls::load_crls(file(ca_.crl({}) + root() + intermediate_.crl({"01"}))).value().size(),
              2U);
}

TEST_F(tls_credentials, files_that_hold_no_crl_are_refused) {
    struct row {
        const char* name;
        std::string content;
        const char* sentence;
    };

    for (const auto& [name, content, sentence] : {
             row{"empty", "", " holds no CRL in PEM"},
             row{"a certificate", root(), " holds no CRL in PEM"},
             row{"broken", broken(ca_.crl({})), " holds a CRL that cannot be read"},
             row{"broken behind a good one", ca_.crl({}) + broken(ca_.crl({})),
                 " holds a CRL that cannot be read"},
             row{"of other content", of_other_content("X509 CRL"),
                 " holds a CRL that cannot be read"},
         }) {
        const auto path = file(content);
        const auto crls = tls::load_crls(path);
        ASSERT_FALSE(crls) << name;
        EXPECT_THAT(crls.error().sentence, StartsWith(path + sentence)) << name;
    }
}

TEST_F(tls_credentials, a_pair_is_a_chain_and_its_leaf_s_key) {
    const auto node = intermediate_.issue({});
    const auto cert_file = folder_.write("node.crt", node.full_chain_pem());
    const auto key_file = folder_.write("node.key", node.private_key_pem);
    const auto pair = tls::load_key_pair(cert_file, key_file);
    ASSERT_TRUE(pair) << pair.error().sentence;
    ASSERT_EQ(pair->chain.size(), 2U);
    EXPECT_EQ(tls::subject_of(*pair->chain[0]), "CN=node,O=Cockroach");
    EXPECT_EQ(tls::subject_of(*pair->chain[1]), "CN=Intermediate CA,O=Cockroach");
    EXPECT_EQ(X509_check_private_key(pair->chain[0].get(), pair->key.get()), 1);
}

TEST_F(tls_credentials, both_may_be_in_one_file) {
    const auto node = ca_.issue({});
    for (const auto& content : {node.certificate_pem + node.private_key_pem,
                                node.private_key_pem + node.certificate_pem}) {
        const auto path = folder_.write("both.key", content);
        EXPECT_TRUE(tls::load_key_pair(path, path));
    }
}

TEST_F(tls_credentials, keys_that_cannot_be_used_are_refused) {
    const auto node = intermediate_.issue({});

    struct row {
        const char* name;
        std::string key;
        const char* sentence;
    };

    constexpr auto unreadable =
        " holds no private key in PEM that can be read without a passphrase";
    for (const auto& [name, key, sentence] : {
             row{"empty", "", unreadable},
             row{"a certificate", node.certificate_pem, unreadable},
             row{"broken", broken(node.private_key_pem), unreadable},
             row{"cut off", without_its_end(node.private_key_pem), unreadable},
             row{"of other content", of_other_content("PRIVATE KEY"), unreadable},
             row{"encrypted", encrypted(node.private_key_pem, true), unreadable},
             row{"encrypted the old way", encrypted(node.private_key_pem, false), unreadable},
             row{"another's", ca_.issue({}).private_key_pem,
                 " is not the key of the first certificate in "},
         }) {
        const auto cert_file = folder_.write("node.crt", node.full_chain_pem());
        const auto key_file = folder_.write("node.key", key);
        const auto pair = tls::load_key_pair(cert_file, key_file);
        ASSERT_FALSE(pair) << name;
        EXPECT_THAT(pair.error().sentence, StartsWith(key_file + sentence)) << name;
    }
}

TEST_F(tls_credentials, a_chain_that_does_not_begin_with_the_leaf_is_refused) {
    const auto node = intermediate_.issue({});
    const auto cert_file = folder_.write("node.crt", node.chain_pem + node.certificate_pem);
    const auto key_file = folder_.write("node.key", node.private_key_pem);
    EXPECT_EQ(tls::load_key_pair(cert_file, key_file).error().sentence,
              key_file + " is not the key of the first certificate in " + cert_file);
}

/// An error left in the thread's queue would be taken for the next connection's.
TEST_F(tls_credentials, no_failure_leaves_an_error_behind) {
    const auto node = ca_.issue({});
    const auto other = ca_.issue({});
    const auto cert_file = folder_.write("node.crt", node.certificate_pem);
    const std::vector<std::function<void()>> failing{
        [&] { (void)tls::load_anchors(path("absent.pem")); },
        [&] { (void)tls::load_anchors(file("")); },
        [&] { (void)tls::load_anchors(file(broken(root()))); },
        [&] { (void)tls::load_anchors(file(intermediate_.certificate_pem())); },
        [&] { (void)tls::load_anchors(file(root())); },
        [&] { (void)tls::load_crls(file(root())); },
        [&] { (void)tls::load_key_pair(cert_file, file("")); },
        [&] { (void)tls::load_key_pair(cert_file, file(encrypted(node.private_key_pem, true))); },
        [&] { (void)tls::load_key_pair(cert_file, file(other.private_key_pem)); },
        [&] { (void)tls::load_key_pair(cert_file, file(node.private_key_pem)); },
    };
    for (std::size_t i = 0; i < failing.size(); ++i) {
        ERR_clear_error();
        failing[i]();
        EXPECT_EQ(ERR_peek_error(), 0U) << i;
    }
}

} // namespace
} // namespace roachpin
