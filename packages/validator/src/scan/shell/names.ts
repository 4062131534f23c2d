import { words } from '../../text/chars.ts'

/** Programs and builtins whose names are no words of any language; one in the place of a command is one. */
export const COMMANDS = words(
  `7z aa-exec ab adduser agetty alpine ansible ansible-config ansible-console ansible-doc ansible-galaxy ansible-playbook ansible-pull ansible-vault apk apt apt-get aptitude arp ascii-xfr
  atobm awk aws base32 base58 base64 basenc basez bash batcat bcdboot bcdedit bconsole bitsadmin bridge bunzip2 busctl busybox byebug bzcat bzip2 bzless bzmore c89 c99 cancel capsh
  cargo certbot certutil chattr chef-client chef-run chef-shell chef-vault chgrp chmod choom chown chpass chpasswd chroot chrt chsh clang cmd cmdkey cobc composer cowsay cowthink cpan cpio cpulimit
  crontab cscli cscript csh csplit csvtool cupsfilter curl dash dd debugfs df dialog dig dmesg dmidecode dmsetup dnf dnsdomainname docker dosbox dpkg dstat du dvips easy_install eb egrep
  efax elvish emacs enum4linux espeak esentutl ethtool exiftool expr fdisk fgrep finger ftp gawk gcc gcloud gcore gdb getconf getent getfacl gimp git g++ go_run gpasswd gpg grc groupadd
  groupmod gtester gunzip gzcat gzexe gzip hashdump hexdump hostid hostname hping3 htop httpie hwclock iconv iex iftop ifconfig iftop ionice ip6tables ipconfig ipcs iptables irb ispell
  iwmi iwr jjs jq jrunscript journalctl kubectl ksh kshell ksh93 lastb lastcomm lastlog lastlogin latex latexmk ld.so ldconfig ldd less.sh lftp linux32 linux64 lldb ln losetup lp_solve ls lsb_release lsattr lsblk lscpu lshw
  lsmod lsof lspci lsusb ltrace lua lualatex luatex lwp-download lynx lzcat lzcmp lzdiff lzegrep lzfgrep lzgrep lzless lzma lzmore mawk mkdir mkfifo mknod mktemp mlocate modprobe mosquitto
  mshta msiexec msgattrib msgcat mtr mutt mv mysql mysqladmin mysqldump nasm nawk ncat ncftp net1 netcat netplan netsh netstat nft ngrep nmap nohup npm npx nping nroff nsenter nslookup ntpdate
  octave od openssl openvpn openvt opkg passwd pdflatex pdksh perl perl5 pgrep php php5 php7 pico pidstat ping ping6 pip pip3 pkexec pkg_info pkill pnpm popd powershell pr
  printenv proc_open pry psed psftp psql ptx pushd pwd pwsh py python python2 python3 qemu rake rar rbash rcp readelf regsvr32 rename.ul restic rev rexec rlogin rlwrap rm rmdir rmt rmuser rnano route
  rpm rpmquery rsync rsyslogd ruby rundll32 runas rvim rview sc.exe schtasks scp screenfetch script_fu sed sendmail setarch setfacl setsid sftp sh sha1sum sha256sum md5sum shasum shred slsh smbclient
  smbget snmpget socat soelim sqlite3 sqlplus ss ssh ssh-copy-id ssh-keygen ssh-keyscan sshd sshpass start-stop-daemon stdbuf strace strings stty su sudo svn sysctl systemctl systeminfo systemd-resolve
  tac tar tasklist taskkill taskset tasksh tbl tclsh tcpdump tcping tcptraceroute tcsh tdbtool tee telnet terraform tex tftp tmux tracepath traceroute traceroute6 troff tshark ul ulimit umount uname uncompress unexpand uniq
  unlzma unpigz unrar unset unshare unxz unzip unzstd update-alternatives uptime useradd userdel usermod uudecode uuencode vagrant valgrind varnishncsa vi view vigr vim vimdiff vipw virsh visudo volatility
  vssadmin w3m wall wc wevtutil wget whereis whiptail whoami whois wireshark-gtk wmic wscript xargs xcopy xdotool xelatex xetex xmodmap xmore xpad xterm xxd xz xzcat xzcmp xzdiff xzegrep xzfgrep xzgrep xzless xzmore
  yarn yelp yum zathura zcat zcmp zdiff zegrep zfgrep zgrep zip zipcloak zipnote zipsplit zless zmore zrun zsh zsoelim zstd zstdcat zstdgrep zstdless zstdmt zypper gcc10.1 net.exe reg.exe ipconfig.exe cmd.exe
  findstr robocopy attrib cacls icacls diskpart esentutl expand.exe fsutil gpresult ifmember makecab mofcomp nbtstat nltest pcalua quser qwinsta regedit wuauclt whoami.exe ping.exe powershell.exe
  getmac gpupdate hostname.exe set-executionpolicy sh.exe bash.exe nc nc.exe`,
)

/** Programs and builtins whose names are words as well; they need an option, a path, or the end of a command beside them. */
export const ORDINARY_COMMANDS = words(
  `alias apropos arch ash at basename batch bg break builtin cal call cat cd chef chmod cksum clear cls column comm command complete continue copy cp cron curl cut date declare del dig dir dirs disown done dump
  echo ed edit enable env erase eval exec exit expand export factor false fc fg file find fmt fold for free function functions gem getopts go grep groups halt hash head help host history id if
  install ip jobs join kill killall last let link local locate lock login logout look ls mail mailx make man md mc mesg mode more most mount move nano nc net nice nl node nm notify open paste patch pax perms
  pg pidof pkg print printf ps rd read reboot reg ren rename reset return rpm run screen script sdiff select service set shift shopt shutdown size sleep snap sort source split start stat
  suspend sum sync tail talk task tasks test time timeout times top touch tr trap tree true tsort tty type typeset unlink until update users ver vol w wait watch weka which while who write yes
  chef-client cmp diff less nmap node java javac gcc pip perl ruby python`,
)

/** Command interpreters: `-c` behind one is telling wherever it stands. */
export const INTERPRETERS = words(
  'sh bash dash ash zsh ksh csh tcsh fish pdksh rbash busybox cmd powershell pwsh python python2 python3 perl ruby php node lua env su',
)

/** Commandlets of PowerShell. */
export const CMDLETS = words(
  `invoke-expression invoke-webrequest invoke-restmethod invoke-command invoke-item invoke-wmimethod invoke-mimikatz invoke-history start-process start-sleep start-job start-service start-bitstransfer new-object new-item
  new-service new-psdrive get-content get-childitem get-process get-service get-command get-credential get-host get-item get-location get-wmiobject get-ciminstance get-help get-history get-acl get-aduser
  set-content set-item set-executionpolicy set-location set-acl set-service set-variable remove-item add-content add-type copy-item move-item out-file out-string write-host write-output
  read-host import-module export-csv select-string where-object foreach-object convertto-securestring test-path stop-process stop-computer restart-computer enter-pssession iex-`,
)
