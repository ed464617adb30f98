# What every shell job of the fault harness runs: it tells, itself, that it began and how it ended. One line of JSON for
# each event, one write each, appended to the file of truths. Arguments are `name=value`:
#   truth   the file
#   locks   the folder of the lock files
#   base    what to add to the monotonic clock for epoch nanoseconds: the wall clock of a worker may be moved
#   job     <namespace>/<name>
#   slots   how many of its runs may go at once; 0: any
#   least, most   how long it takes, in milliseconds
#   exit    its status
#   lines   how many lines it prints
#   child   1: leaves a process behind setsid, which would outlive it
#   linger  how long it takes to end after TERM, in milliseconds
#   text    in each line; an edit changes it
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use Fcntl qw(:flock O_WRONLY O_APPEND O_CREAT);
use POSIX ();

# Locks go over to children, also through exec: what outlives the run holds them.
$^F = 255;
my %given = map { split /=/, $_, 2 } @ARGV;

sub now { return sprintf '%d', clock_gettime(CLOCK_MONOTONIC) * 1e9 + $given{base} }
my $began = now();

sub lock_file {
  my ($name) = @_;
  sysopen my $file, "$given{locks}/$name", O_WRONLY | O_CREAT or die "$name: $!";
  return $file if flock $file, LOCK_EX | LOCK_NB;
  return undef;
}

(my $file_name = $given{job}) =~ s{/}{+};
my ($slot, $overlapped) = (undef, 0);
if ($given{slots} > 0) {
  for my $index (0 .. $given{slots} - 1) {
    last if defined($slot = lock_file("$file_name.$index"));
  }
  $overlapped = 1 unless defined $slot;
}
my ($run, $attempt) = ($ENV{CRONMESH_RUN}, $ENV{CRONMESH_ATTEMPT});
# Held as long as anything of this attempt lives: the watcher looks at it.
my $own = lock_file("run.$run.$attempt");

sub told {
  my ($event, @more) = @_;
  my $at = $event eq 'start' ? $began : now();
  my $line = join ',', qq({"event":"$event"), qq("run":"$run"), qq("attempt":$attempt), qq("at":"$at"), @more;
  sysopen my $truth, $given{truth}, O_WRONLY | O_APPEND | O_CREAT or die "truth: $!";
  syswrite $truth, "$line}\n" or die "truth: $!";
  close $truth;
}

my $tick = $ENV{CRONMESH_TICK} // '';
# Each node of the lab has a host name of its own.
my $worker = do { open my $file, '<', '/proc/sys/kernel/hostname'; <$file> };
chomp $worker;
told(
  'start', qq("job":"$given{job}"), qq("tick":"$tick"), qq("token":"$ENV{CRONMESH_FENCING_TOKEN}"),
  qq("worker":"$worker"), qq("overlapped":$overlapped), qq("exit":$given{exit}), qq("lines":$given{lines}),
  qq("text":"$given{text}"), qq("pid":$$),
);

if ($given{linger} > 0) {
  $SIG{TERM} = sub { select undef, undef, undef, $given{linger} / 1000; POSIX::_exit(143) };
}
if ($given{child}) {
  my $pid = fork // die "fork: $!";
  if ($pid == 0) {
    POSIX::setsid();
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    exec 'sleep', '300';
  }
}

sub printed { my ($number) = @_; syswrite STDOUT, "line $number of $run attempt $attempt $given{text}\n" }
printed($_) for 1 .. $given{lines} - 1;
told('printed') if $given{lines} > 1;
my $takes = ($given{least} + rand($given{most} - $given{least})) / 1000;
my $until = clock_gettime(CLOCK_MONOTONIC) + $takes;
while ((my $left = $until - clock_gettime(CLOCK_MONOTONIC)) > 0) { select undef, undef, undef, $left }
printed($given{lines});
told('end');
exit $given{exit};
