"""Which encoders of timm the U-Net takes: one network of each family, forward and backward, at odd sizes, with 1 to 13 bands.

Each is built from random weights with 1, 3 and 13 bands, run on patches of 64 x 64, 70 x 51 and 257 x 193 px, and trained for one step, after
which every parameter of the decoder and at least nine tenths of those of the encoder must have a gradient. A network that is refused
stands in the table with the reason.

    python bench/encoders.py [--archs resnet18,swin_tiny_patch4_window7_224]
"""
import argparse, time, warnings; warnings.filterwarnings('ignore')
ARCHS = '''resnet18 seresnet18 legacy_seresnet18 resnext50_32x4d resnest14d res2net50_14w_8s resnetv2_50 ecaresnet26t densenet121 dla34 vgg11_bn efficientnet_b0
tf_efficientnetv2_b0 mobilenetv2_050 mobilenetv3_small_050 mobilenetv4_conv_small_050 mnasnet_050 fbnetc_100 ghostnet_050 rexnet_100 repvgg_a0 repvit_m0_9 regnetx_002 regnety_002
convnext_atto convnextv2_atto inception_next_tiny edgenext_xx_small hrnet_w18_small xception41 darknet53 cspresnet50 vovnet39a hgnetv2_b0 selecsls42b tresnet_m nfnet_l0 starnet_s1
swin_tiny_patch4_window7_224 swinv2_tiny_window8_256 maxvit_rmlp_pico_rw_256 mobilevit_xxs mobilevitv2_050 poolformer_s12 pvt_v2_b0 fastvit_t8 efficientvit_b0 tiny_vit_5m_224
mambaout_femto focalnet_tiny_srf davit_tiny nextvit_small caformer_s18 coatnet_pico_rw_224 efficientformerv2_s0 gcvit_xxtiny mvitv2_tiny hiera_tiny_224 inception_v3 levit_128s vit_tiny_patch16_224'''.split()
ap = argparse.ArgumentParser()
ap.add_argument('--archs', default=','.join(ARCHS))
A = ap.parse_args()
import torch, torch.nn.functional as F, timm
from aerialfast.unets import aerial_unet,unet_groups

def gmacs(net):
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as count, torch.no_grad(): net.eval()(torch.zeros(1, 3, 256, 256))
    return count.get_total_flops()/2e9

def one(arch):
    "A row of the table."
    try: net = aerial_unet(arch)
    except ValueError as e: return f'| {arch} | refused: {str(e)[:150]} | | | | |'
    g,m = gmacs(net),sum(p.numel() for p in net.parameters())/1e6
    for n in (1,3,13):
        net = aerial_unet(arch, n_in=n, n_out=3).eval()
        with torch.no_grad():
            for h,w in ((64,64), (70,51), (257,193)): assert net(torch.randn(1,n,h,w)).shape==(1,3,h,w), (arch, n, h, w)
    net.train()
    t = time.perf_counter()
    F.cross_entropy(net(torch.randn(2,13,128,128)), torch.randint(0, 3, (2,128,128))).backward()
    t = time.perf_counter()-t
    lost = {k: sum(p.grad is None for p in ps)/len(ps) for k,ps in zip(('early','late','decoder'), unet_groups(net))}
    assert lost['decoder']==0 and max(lost.values())<.1, (arch, lost)
    info = net.encoder.feature_info
    return f"| {arch} | {m:.1f} | {g:.1f} | {'last' if net.last else 'first'} | {', '.join(f'{c} at 1/{r}' for c,r in zip(info.channels(), info.reduction()))} | {net.multiple} |"

print(f'timm {timm.__version__}, torch {torch.__version__}\n| encoder | params M | GMAC at 256 px | channels | features | sizes divide by |\n|---|---|---|---|---|---|')
rows = []
for a in A.archs.split(','): rows.append(one(a)); print(rows[-1], flush=True)
print(f"{sum('refused' not in r for r in rows)} of {len(rows)} taken")
