"""Cost of a training step: aerial_unet beside segmentation_models.pytorch's Unet and fastai's DynamicUnet.

Every round takes one step (forward, cross entropy, backward, fused AdamW) with each network in turn; the medians over the rounds are printed, in seconds
of the clock and of the processor, and the median of the ratios of processor seconds to the first network within a round. On a shared machine set
OMP_NUM_THREADS=1: threads that wait for each other count as busy. The peak of memory is that of a process of its own which takes two steps, less what
it held before the first. Networks start from random weights. Without segmentation-models-pytorch its rows are left out.
`se_contiguous` is `se` in PyTorch's usual memory layout instead of channels-last, `se_compiled` after `torch.compile`.

All compute in bf16 where that is faster; names that end in `_fp32` in float32. `se_bf16` is `se` with all its layers in bf16, also those that it trains
in float32 because their gradients are slow in bf16. smp makes encoders of timm that it does not know itself by `tu-`. The encoder of every row is --arch.

    python bench/unets.py [--arch resnet34 --bs 8 --sz 256 --rounds 3 --nets smp,smp_scse,se,plain,remat,fastai]
    python bench/unets.py --arch tf_efficientnet_lite0 --nets smp,smp_fp32,se,se_bf16,se_fp32
"""
import argparse, importlib.util, os, resource, statistics, subprocess, sys, time, warnings; warnings.filterwarnings('ignore')
from unittest import mock

ap = argparse.ArgumentParser()
ap.add_argument('--arch', default='resnet34'); ap.add_argument('--bs', type=int, default=8); ap.add_argument('--sz', type=int, default=256)
ap.add_argument('--rounds', type=int, default=3); ap.add_argument('--nets', default='smp,smp_scse,se,plain,remat,fastai'); ap.add_argument('--peak', help='measure the memory of one network')
A = ap.parse_args()
import torch, torch.nn.functional as F
from aerialfast.unets import aerial_unet,has_bf16
from aerialfast.loader import keep_memory

def smp(**kwargs):
    import segmentation_models_pytorch
    from segmentation_models_pytorch.encoders import encoders
    arch = A.arch if A.arch in encoders else f'tu-{A.arch}'
    return segmentation_models_pytorch.Unet(arch, encoder_weights=None, classes=2, **kwargs)

def all_bf16():
    "`aerial_unet` without its own rule for layers that are slow in bf16."
    with mock.patch('aerialfast.unets._quick_gradients'): return aerial_unet(A.arch)

def fastai():
    import fastai.vision.all as fa
    return fa.create_unet_model(getattr(fa, A.arch), 2, (A.sz,A.sz), pretrained=False)

NETS = dict(smp=smp, smp_fp32=smp, se_fp32=lambda: aerial_unet(A.arch), se_bf16=all_bf16, smp_scse=lambda: smp(decoder_attention_type='scse'), fastai=fastai,
            se=lambda: aerial_unet(A.arch), se_contiguous=lambda: aerial_unet(A.arch), se_compiled=lambda: torch.compile(aerial_unet(A.arch)), plain=lambda: aerial_unet(A.arch, block='plain'), remat=lambda: aerial_unet(A.arch, remat=True))

def gmacs(net):
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as count, torch.no_grad(): net.eval()(torch.zeros(1, 3, 256, 256))
    net.train()
    return count.get_total_flops()/2e9

class Steps:
    "A network, its optimizer, and the seconds of its steps."
    def __init__(self, name):
        self.name,self.s,self.cpu,net = name,[],[],NETS[name]()
        self.bf16 = has_bf16('cpu') and not name.endswith('fp32')
        self.gmac,self.params = gmacs(net),sum(p.numel() for p in net.parameters())/1e6
        self.net = net.to(memory_format=torch.contiguous_format if 'contiguous' in name else torch.channels_last)
        self.opt = torch.optim.AdamW(net.parameters(), 1e-4, fused=True)
    def step(self, x, y):
        t,cpu = time.perf_counter(),time.process_time()
        with torch.autocast('cpu', torch.bfloat16, enabled=self.bf16): out = self.net(x)
        F.cross_entropy(out.float(), y).backward()
        self.opt.step(); self.opt.zero_grad()
        self.s.append(time.perf_counter()-t)
        self.cpu.append(time.process_time()-cpu)

def batch(): return torch.randn(A.bs, 3, A.sz, A.sz).contiguous(memory_format=torch.channels_last),torch.randint(0, 2, (A.bs,A.sz,A.sz))
def held(): return int(open('/proc/self/statm').read().split()[1])*os.sysconf('SC_PAGE_SIZE')/1e6

def peak(name):
    n,b = Steps(name),batch()
    before = held()
    for _ in range(2): n.step(*b)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1e3-before)

def main():
    torch.manual_seed(0); keep_memory()
    names = [n for n in A.nets.split(',') if 'smp' not in n or importlib.util.find_spec('segmentation_models_pytorch')]
    nets = [Steps(n) for n in names]
    x,y = batch()
    mb = {n: float(subprocess.run([sys.executable, __file__, *sys.argv[1:], '--peak', n], capture_output=True, text=True, check=True).stdout.split()[-1]) for n in names}
    for _ in range(A.rounds+1):
        for n in nets: n.step(x, y)
    print(f"python {sys.version.split()[0]}, torch {torch.__version__}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}; {A.arch}, batch {A.bs} of {A.sz} px, "
          f"channels-last, {'bf16' if has_bf16('cpu') else 'fp32'}, median of {A.rounds} rounds")
    print(f'| network | params M | GMAC at 256 px | s per step | CPU s per step | CPU s / {nets[0].name} | peak MB |\n|---|---|---|---|---|---|---|')
    for n in nets:
        ratio = statistics.median(a/b for a,b in zip(n.cpu[1:], nets[0].cpu[1:])) # the first round makes the kernels
        print(f'| {n.name} | {n.params:.1f} | {n.gmac:.1f} | {statistics.median(n.s[1:]):.2f} | {statistics.median(n.cpu[1:]):.2f} | {ratio:.2f} | {mb[n.name]:.0f} |')

if __name__ == '__main__': peak(A.peak) if A.peak else main()
