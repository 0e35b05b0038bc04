#include "contract/reserved_names.hpp"

namespace prov::contract {
namespace {

struct Group {
  std::string_view reader;
  std::string_view names;  // between single spaces; `x_*` is every name that begins with `x_`
};

// By who reads or sets the variables, from their own manuals: bash(1), ld.so(8), environ(7), the
// GNU C library's, apt.conf(5), dpkg(1), debconf(7), ucf(1), perlrun(1), python3(1), git(1),
// curl(1), wget(1), openssl-env(7), gpg(1), ssh(1), rsync(1), sd_notify(3), sd_listen_fds(3),
// systemctl(1), tar(1).
constexpr Group kGroups[] = {
    {"the platform", "debian_frontend file_changed home lang needrestart_* path provisioning_*"},
    {"bash",
     "auto_resume bash bash_* bashopts bashpid cdpath child_max columns comp_* compreply "
     "coproc coproc_* dirstack env epochrealtime epochseconds euid execignore fcedit fignore "
     "funcname funcnest gid globignore globsort groups histchars histcmd histcontrol "
     "histfile histfilesize histignore histsize histtimeformat hostfile hostname hosttype "
     "ifs ignoreeof inputrc inside_emacs lineno lines logname machtype mail mailcheck "
     "mailpath mapfile oldpwd optarg opterr optind ostype pipestatus posixly_correct ppid "
     "prompt_command prompt_dirtrim ps0 ps1 ps2 ps3 ps4 pwd random readline_* reply seconds "
     "shell shellopts shlvl srandom term timeformat tmout uid user"},
    {"the C library",
     "argp_help_fmt datemsk gconv_path getconf_dir glibc_* gmon_out_prefix hostaliases "
     "language lc_* ld_* localdomain locpath malloc_* memusage_* msgverb nis_* nlspath "
     "output_charset pcprofile_output res_options resolv_host_conf segfault_* sev_level "
     "sotruss_* temp tempdir textdomain textdomaindir tmp tmpdir tz tzdir"},
    {"apt, dpkg and debconf",
     "apt_* browser deb_build_* debconf_* debian_has_frontend debian_priority display dpkg_* "
     "editor pager prevlevel runlevel sensible_* source_date_epoch ucf_* visual"},
    {"perl",
     "perl5db perl5db_threaded perl5lib perl5opt perl5shell perl_* perldb_opts perldoc_pager "
     "perldoc_src_pager perlio perlio_debug perllib"},
    {"python",
     "pip_* python_basic_repl python_colors python_cpu_count python_disable_remote_debug "
     "python_frozen_modules python_gil python_history python_perf_jit_support python_presite "
     "pythonasynciodebug pythonbreakpoint pythoncasefold pythoncoerceclocale pythondebug "
     "pythondevmode pythondontwritebytecode pythondumprefs pythondumprefsfile "
     "pythonexecutable pythonfaulthandler pythonhashseed pythonhome pythoninspect "
     "pythonintmaxstrdigits pythonioencoding pythonmalloc pythonmallocstats "
     "pythonnodebugranges pythonnousersite pythonoptimize pythonpath pythonperfsupport "
     "pythonplatlibdir pythonprofileimporttime pythonpycacheprefix pythonsafepath "
     "pythonstartup pythonthreaddebug pythontracemalloc pythonunbuffered pythonuserbase "
     "pythonutf8 pythonverbose pythonwarndefaultencoding pythonwarnings virtual_env"},
    {"git and ssh",
     "cvs_rsh cvsignore git_* rsync_checksum_list rsync_compress_list rsync_connect_prog "
     "rsync_iconv rsync_max_alloc rsync_old_args rsync_partial_dir rsync_password "
     "rsync_protect_args rsync_proxy rsync_rsh rsync_shell ssh2_client ssh_agent_pid "
     "ssh_askpass ssh_askpass_require ssh_auth_sock ssh_client ssh_connection "
     "ssh_original_command ssh_pkcs11_helper ssh_sk_helper ssh_sk_provider ssh_tty "
     "ssh_tunnel ssh_user_auth"},
    {"curl and wget",
     "all_proxy curl_* ftp_proxy http_proxy https_proxy netrc no_proxy socks_proxy "
     "sslkeylogfile system_wgetrc wget_askpass wget_timezone_differential wgetrc ws_proxy "
     "wss_proxy"},
    {"openssl and gnupg",
     "ctlog_file gnupghome gpg_agent_info gpg_tty openssl_* randfile ssl_cert_dir "
     "ssl_cert_file"},
    {"systemd",
     "credentials_directory dbus_* invocation_id journal_stream listen_fdnames listen_fds "
     "listen_pid mainpid managerpid memory_pressure_* notify_socket systemd_* watchdog_pid "
     "watchdog_usec xdg_*"},
    {"the usual tools",
     "awklibpath awkpath block_size blocksize bzip bzip2 df_block_size du_block_size gawk_* "
     "grep_color grep_colors grep_options gzip less lesschardef lesscharset lessclose "
     "lesskey lessopen lesssecure ls_block_size ls_colors make makefiles makeflags makelevel "
     "more pkexec_uid quoting_style simple_backup_suffix sudo_* tabsize tape tar_options "
     "term_program termcap terminfo terminfo_dirs time_style unzip unzipopt version_control "
     "xz_defaults xz_opt zipopt zstd_clevel zstd_nbthreads"},
    {"node, ruby, java and go",
     "bundle_* classpath gem_home gem_path godebug goflags gopath goproxy goroot "
     "java_tool_options jdk_java_options node_debug node_extra_ca_certs node_icu_data "
     "node_no_warnings node_options node_path node_preserve_symlinks node_redirect_warnings "
     "node_repl_history node_tls_reject_unauthorized node_v8_coverage npm_config_* rubylib "
     "rubyopt rubypath rubyshell"},
};

std::vector<std::string_view> Split() {
  std::vector<std::string_view> all;
  for (const Group& group : kGroups) {
    std::string_view rest = group.names;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      all.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return all;
}

}  // namespace

const std::vector<std::string_view>& ReservedNames() {
  static const std::vector<std::string_view> all = Split();
  return all;
}

bool IsReservedName(std::string_view name) {
  return std::ranges::any_of(ReservedNames(), [&](std::string_view reserved) {
    if (!reserved.ends_with('*')) return name == reserved;
    return name.starts_with(reserved.substr(0, reserved.size() - 1));
  });
}

}  // namespace prov::contract
